# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks that a split fits the field `data` of a config, before it is used."""

import ml_collections
import numpy as np

from input_pipeline import examples as examples_lib
from input_pipeline import preprocess


def check_boxes(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Checks that a split has the boxes that the config asks for.

  Raises:
    ValueError: it lacks boxes, or the mode in `config.box` does not exist.
  """
  preprocess.check_box_mode(config.box)
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
