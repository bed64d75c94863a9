# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""tfds builder of textures and shapes, which are drawn and not downloaded.

builder = Builder(
    config='s', data_dir='/tmp/textures', file_format='array_record'
)
builder.download_and_prepare()
train = builder.as_data_source('train')
"""

from collections.abc import Iterator, Mapping
import dataclasses
import pathlib
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from input_pipeline import drawn_builder
from input_pipeline.textures import classes
from input_pipeline.textures import drawing


@dataclasses.dataclass(kw_only=True)
class TexturesConfig(tfds.core.BuilderConfig):
  """Which classes to draw, how many images of each, and how large.

  Attributes:
    size: side of an image in pixels.
    textures: the classes.
    images: number of images per class in each split.
    seed: of everything that is drawn.
  """

  size: int
  textures: tuple[classes.Texture, ...]
  images: Mapping[str, int]
  seed: int = 0

  def __post_init__(self):
    drawn_builder.check_splits('images', self.images)


class Builder(drawn_builder.DrawnBuilder):
  """Draws the images of a config, class by class."""

  VERSION = drawn_builder.version_of(pathlib.Path(__file__).parent)
  # A list, as tfds requires; the first config is the default.
  BUILDER_CONFIGS = [
    TexturesConfig(
      name='s',
      description='1,800 training images of 12 classes, as ILSVRC-2012.',
      size=72,
      textures=classes.FEW,
      images=drawn_builder.per_split(150, 25, 25),
    ),
    TexturesConfig(
      name='m',
      description='18,040 training images of 164 classes, as ImageNet-21k.',
      size=72,
      textures=classes.MANY,
      images=drawn_builder.per_split(110, 10, 10),
    ),
    TexturesConfig(
      name='c',
      description='1,000 small training images of 10 classes, as CIFAR-10.',
      size=32,
      textures=classes.SINGLE,
      images=drawn_builder.per_split(100, 25, 25),
    ),
    TexturesConfig(
      name='tiny',
      description='84 images of 32 pixels: for tests.',
      size=32,
      textures=classes.FEW,
      images=drawn_builder.per_split(4, 1, 2),
    ),
  ]

  def _class_names(self) -> list[str]:
    return [texture.name for texture in self.builder_config.textures]

  def _generate_examples(
    self, split: str
  ) -> Iterator[tuple[str, dict[str, Any]]]:
    config = self.builder_config
    for texture in config.textures:
      for number in range(config.images[split]):
        image = drawing.draw(
          texture,
          seed=config.seed,
          split=split,
          number=number,
          size=config.size,
        )
        # Each image counts as a patient of its own.
        patient_id = f'textures-{split}-{texture.name}-{number:03d}'
        slice_id = f'{patient_id}.png'
        example = {
          'image': image[..., None],
          'label': texture.name,
          # The texture fills the image.
          'box': np.zeros(4, np.int32),
          'slice_id': slice_id,
          'patient_id': patient_id,
          'source': 'textures',
        }
        yield slice_id, example
