# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether a split can be what the config wants to use it for."""

import ml_collections
import numpy as np

from input_pipeline import examples as examples_lib
from input_pipeline import preprocess


def check_boxes(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Raises ValueError unless the split has the boxes that the config asks for.

  Args:
    examples: any split.
    config: the field `data` of a config.
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
  """Raises ValueError unless the split can be evaluated with the config.

  Args:
    examples: any split.
    config: the field `data` of a config.
  """
  check_boxes(examples, config)
  check_preparation(examples, config, 'crop')


def check_training(
  examples: examples_lib.Examples, config: ml_collections.ConfigDict
) -> None:
  """Raises ValueError unless the split can be trained on with the config.

  Args:
    examples: the training split.
    config: the field `data` of a config.
  """
  check_sizes(config)
  check_preparation(examples, config, 'resize')
  counts = np.bincount(examples.label, minlength=len(examples.class_names))
  by_class = dict(zip(examples.class_names, counts.tolist(), strict=True))
  if len(by_class) < 2 or not counts.all():
    raise ValueError(
      f'The training split has {by_class} slices; expected two classes or '
      'more, each of them with slices.'
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


def check_preparation(
  examples: examples_lib.Examples,
  config: ml_collections.ConfigDict,
  size_field: str,
) -> None:
  """Raises ValueError if stored slices are not what the config asks for.

  Args:
    examples: any split.
    config: the field `data` of a config.
    size_field: the one that says which side the slices should have.
  """
  done = examples.preparation
  if done is None:
    return
  for field, stored in (
    ('box', done.box),
    ('antialias', done.antialias),
    (size_field, done.size),
  ):
    if config[field] != stored:
      raise ValueError(
        f'config.data.{field} is {config[field]!r}, but the slices of this '
        f'data set were prepared with {stored!r} and cannot be changed any '
        "more. Set it so, or use the data set of whole slices ('covidx_ct/2a' "
        "instead of 'covidx_ct/2a_512')."
      )


def check_sizes(config: ml_collections.ConfigDict) -> None:
  """Raises ValueError unless the crop lies in the resized image."""
  if config.resize < config.crop:
    raise ValueError(
      f'config.data.resize={config.resize} is smaller than '
      f'config.data.crop={config.crop}; expected at least the crop.'
    )
