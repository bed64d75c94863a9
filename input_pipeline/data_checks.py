# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks that a split fits the config, before it is used."""

import ml_collections
import numpy as np

from input_pipeline import examples as examples_lib
from input_pipeline import preprocessing


def check_boxes(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Raises ValueError unless the split has the boxes that the config asks for.

  Args:
    examples: any split.
    config: the field `data` of a config.
  """
  preprocessing.check_box_mode(config.box)
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
  """Raises ValueError unless the split can be evaluated with the config.

  Args:
    examples: any split.
    config: the field `data` of a config.
  """
  check_boxes(examples, config)
  wanted = preprocessing.Preprocessing.from_config(config)
  _check_preparation(examples, wanted, 'crop')


def check_sizes(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Raises ValueError unless training slices can have the sizes of the config.

  Args:
    examples: the training split.
    config: the field `data` of a config.
  """
  wanted = preprocessing.Preprocessing.from_config(config)
  if wanted.resize < wanted.crop:
    raise ValueError(
      f'config.data.resize={wanted.resize} is smaller than '
      f'config.data.crop={wanted.crop}; expected at least the crop.'
    )
  _check_preparation(examples, wanted, 'resize')


def check_training(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Raises ValueError unless the split can be trained on with the config.

  Boxes are not checked; see `check_boxes`.

  Args:
    examples: the training split.
    config: the field `data` of a config.
  """
  check_sizes(examples, config)
  counts = np.bincount(examples.label, minlength=len(examples.class_names))
  by_class = dict(zip(examples.class_names, counts.tolist(), strict=True))
  if len(by_class) < 2 or not counts.all():
    raise ValueError(
      f'The training split has {by_class} slices; expected at least two '
      'classes, and slices of each.'
    )
  if config.per_class_by not in examples_lib.PER_CLASS_BY:
    raise ValueError(
      f'config.data.per_class_by is {config.per_class_by!r}; expected one of '
      f'{", ".join(examples_lib.PER_CLASS_BY)}.'
    )
  if counts.min() < config.per_class:
    raise ValueError(
      f'config.data.per_class={config.per_class}, but the training split has '
      f'{by_class} slices.'
    )


def _check_preparation(
  examples: examples_lib.Examples,
  wanted: preprocessing.Preprocessing,
  size_field: str,
) -> None:
  """Raises ValueError if stored slices are not what the config asks for.

  Args:
    examples: any split.
    wanted: the preprocessing of the config.
    size_field: 'resize' or 'crop', the side that the slices should have.
  """
  if examples.preparation is None:
    return
  for field in ('box', 'antialias', size_field):
    value = getattr(wanted, field)
    stored = getattr(examples.preparation, field)
    if value != stored:
      raise ValueError(
        f'config.data.{field} is {value!r}, but the slices of this data set '
        f'were prepared with {stored!r}, which cannot be undone. Set it to '
        f"{stored!r}, or use the data set of whole slices ('covidx_ct/2a' "
        "instead of 'covidx_ct/2a_512')."
      )
