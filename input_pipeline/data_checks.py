# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks of the field `data` of a config, alone and with a split."""

from collections.abc import Mapping
import functools
import math
import numbers
from typing import Any

import ml_collections
import numpy as np

from input_pipeline import examples as examples_lib
from input_pipeline import preprocess
from input_pipeline import pretext

# Of the sides of images, in pixels. The largest CT slices have 2048.
_MAX_SIDE = 8192


def _is_text(value: Any) -> bool:
  return isinstance(value, str)


def _is_whole(value: Any) -> bool:
  return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_side(value: Any) -> bool:
  return _is_whole(value) and 1 <= value <= _MAX_SIDE


def _is_pair(value: Any) -> bool:
  return (
    isinstance(value, tuple | list)
    and len(value) == 2
    and all(isinstance(x, numbers.Real) and math.isfinite(x) for x in value)
  )


def _is_fold(value: Any) -> bool:
  return (
    isinstance(value, tuple | list)
    and len(value) == 2
    and all(map(_is_whole, value))
    and 1 <= value[0] <= value[1] >= 3
  )


def _is_part(value: Any, *, most: float) -> bool:
  is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
  return is_real and 0 <= value <= most


_A_SIDE = f'a number of pixels from 1 to {_MAX_SIDE}'
# For each field, whether a value can be used, and what is expected.
_RULES = {
  'name': (_is_text, "a data set, such as 'covidx_ct/2a' or 'image_folder'"),
  'task': (
    lambda x: x in pretext.TASKS,
    f'one of {", ".join(pretext.TASKS)}',
  ),
  'path': (_is_text, "a folder, or a CSV of images; '' for none"),
  'data_dir': (_is_text, "a folder; '' for ~/tensorflow_datasets"),
  'image_folder': (_is_text, "name of a folder; '' for <version>_images"),
  'box': (
    lambda x: x in preprocess.BOXES,
    f'one of {", ".join(preprocess.BOXES)}',
  ),
  'resize': (_is_side, _A_SIDE),
  'crop': (_is_side, _A_SIDE),
  'antialias': (lambda x: isinstance(x, bool), 'True or False'),
  'rotation': (
    functools.partial(_is_part, most=180),
    'degrees from 0 to 180; 0: none',
  ),
  'contrast': (
    functools.partial(_is_part, most=1),
    'a part of the contrast from 0 to 1; 0: unchanged',
  ),
  'brightness': (
    functools.partial(_is_part, most=1),
    'a part of the range of gray values from 0 to 1; 0: unchanged',
  ),
  'erase': (
    functools.partial(_is_part, most=1),
    'a part of the side of a slice from 0 to 1; 0: nothing is covered',
  ),
  'range_16bit': (
    lambda x: _is_pair(x) and 0 <= x[0] < x[1] <= 65_535,
    'black, then white: two values from 0 to 65535, the first of them smaller, '
    'such as (0, 4095) for 12-bit images',
  ),
  'window': (
    lambda x: x in ((), []) or (_is_pair(x) and x[1] > 0),
    'center and width in Hounsfield units, with a width of more than 0, such '
    'as (-600, 1500), or () if the window is not known',
  ),
  'per_class': (
    lambda x: _is_whole(x) and x >= 0,
    'a number of slices from 1 on, or 0 for all',
  ),
  'per_class_by': (
    lambda x: x in examples_lib.PER_CLASS_BY,
    f'one of {", ".join(examples_lib.PER_CLASS_BY)}',
  ),
  'leave_out': (
    lambda x: _is_text(x) and (not x or '=' in x.strip('=')),
    "COLUMN=VALUE, such as 'source=CNCB', or '' for nobody",
  ),
  'metadata': (_is_text, "a CSV with a row for each patient; '' for none"),
  'fold': (
    lambda x: x in ((), []) or _is_fold(x),
    'number and count of a cross-validation with 3 folds or more, such as '
    '(1, 5), or () for the splits as they are',
  ),
  'allow_change': (lambda x: isinstance(x, bool), 'True or False'),
}


def check_config(config: Mapping[str, Any]) -> None:
  """Checks type and range of each field, before any data are read.

  Args:
    config: the field `data` of a config; it may lack fields.

  Raises:
    ValueError: a field has a value that cannot be used.
  """
  for name, (is_valid, expected) in _RULES.items():
    if name in config and not is_valid(config[name]):
      raise ValueError(
        f'config.data.{name} is {config[name]!r}; expected {expected}.'
      )
  if config.get('task') == pretext.CHANGES and config.get('box') != 'none':
    raise ValueError(
      f'config.data.box is {config.get("box")!r}, but the slices of '
      "config.data.task='changes' have no boxes. Set it to 'none'."
    )


def check_boxes(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Checks that a split has the boxes that the config asks for.

  Raises:
    ValueError: it lacks boxes, or a field of the config is invalid.
  """
  check_config(config)
  without_box = np.flatnonzero(~examples.box.any(axis=1))
  if config.box == 'annotated' and without_box.size:
    raise ValueError(
      f"config.data.box is 'annotated', but {without_box.size} of "
      f'{len(examples)} slices have no box, such as '
      f"{str(examples.slice_id[without_box[0]])!r}. Set it to 'automatic' "
      "(found in the image) or 'none' (no crop)."
    )


def check_evaluation(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Raises ValueError unless a split can be evaluated with the config."""
  check_boxes(examples, config)
  _check_preparation(examples, config, 'crop')


def check_sizes(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Checks that training slices can have the sizes of the config.

  Raises:
    ValueError: they cannot.
  """
  check_config(config)
  if config.resize < config.crop:
    raise ValueError(
      f'config.data.resize={config.resize} is smaller than '
      f'config.data.crop={config.crop}; expected at least the crop.'
    )
  _check_preparation(examples, config, 'resize')


def check_training(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Checks that a split can be trained on; for its boxes, see `check_boxes`.

  Raises:
    ValueError: it cannot, as its sizes or classes do not fit the config.
  """
  check_sizes(examples, config)
  counts = np.bincount(examples.label, minlength=len(examples.class_names))
  by_class = dict(zip(examples.class_names, counts.tolist(), strict=True))
  if len(by_class) < 2 or not counts.all():
    raise ValueError(
      f'The training split has {by_class} slices; expected at least two '
      'classes, and slices of each.'
    )
  if counts.min() < config.per_class:
    raise ValueError(
      f'config.data.per_class={config.per_class}, but the training split has '
      f'{by_class} slices.'
    )


def _check_preparation(
  examples: examples_lib.Examples,
  config: ml_collections.ConfigDict,
  size_field: str,
) -> None:
  # Slices that are stored cropped and resized must be what the config asks for.
  if examples.preparation is None:
    return
  for field in ('box', 'antialias', size_field):
    stored = getattr(examples.preparation, field)
    if config[field] != stored:
      raise ValueError(
        f'config.data.{field} is {config[field]!r}, but the slices of this '
        f'data set were prepared with {stored!r}, which cannot be undone. Set '
        f"it to {stored!r}, or use the data set of whole slices ('covidx_ct/2a'"
        " instead of 'covidx_ct/2a_512')."
      )
