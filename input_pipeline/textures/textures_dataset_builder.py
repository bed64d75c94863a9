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
import types
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from input_pipeline import conventions
from input_pipeline.textures import classes
from input_pipeline.textures import drawing


@dataclasses.dataclass(kw_only=True)
class TexturesConfig(tfds.core.BuilderConfig):
  """Which classes to draw, how many images of each, and how large.

  Attributes:
    size: side of an image in pixels.
    textures: the classes.
    images: number of images per class in each split.
    seed: seed of everything that is drawn.
  """

  size: int
  textures: tuple[classes.Texture, ...]
  images: Mapping[str, int]
  seed: int = 0

  def __post_init__(self):
    if set(self.images) != set(conventions.SPLITS):
      raise ValueError(
        f'images names the splits {sorted(self.images)}, but they must be '
        f'{sorted(conventions.SPLITS)}.'
      )


def _images(train: int, val: int, test: int) -> Mapping[str, int]:
  return types.MappingProxyType({'train': train, 'val': val, 'test': test})


class Builder(tfds.core.GeneratorBasedBuilder):
  """Draws the images of a config, class by class."""

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES = types.MappingProxyType({'1.0.0': 'Initial release.'})
  # A list, as tfds requires; the first config is the default.
  BUILDER_CONFIGS = [
    TexturesConfig(
      name='s',
      description='1,800 training images of 12 classes, as ILSVRC-2012.',
      size=72,
      textures=classes.FEW,
      images=_images(150, 25, 25),
    ),
    TexturesConfig(
      name='m',
      description='18,040 training images of 164 classes, as ImageNet-21k.',
      size=72,
      textures=classes.MANY,
      images=_images(110, 10, 10),
    ),
    TexturesConfig(
      name='c',
      description='1,000 small training images of 10 classes, as CIFAR-10.',
      size=32,
      textures=classes.SINGLE,
      images=_images(100, 25, 25),
    ),
    TexturesConfig(
      name='tiny',
      description='84 images of 32 pixels: for tests.',
      size=32,
      textures=classes.FEW,
      images=_images(4, 1, 2),
    ),
  ]

  def _info(self) -> tfds.core.DatasetInfo:
    names = [texture.name for texture in self.builder_config.textures]
    return self.dataset_info_from_configs(
      features=tfds.features.FeaturesDict(
        {
          'image': tfds.features.Image(
            shape=(None, None, 1), dtype=np.uint8, encoding_format='png'
          ),
          'label': tfds.features.ClassLabel(names=names),
          # Four zeros, which mean no box, as the texture fills the image.
          'box': tfds.features.Tensor(shape=(4,), dtype=np.int32),
          'slice_id': tfds.features.Text(),
          'patient_id': tfds.features.Text(),
          'source': tfds.features.Text(),
        }
      ),
      supervised_keys=('image', 'label'),
      disable_shuffling=True,
    )

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
    del dl_manager  # Nothing to download.
    return {
      split: self._generate_examples(split) for split in conventions.SPLITS
    }

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
        yield (
          slice_id,
          {
            'image': image[..., None],
            'label': texture.name,
            'box': np.zeros(4, np.int32),
            'slice_id': slice_id,
            'patient_id': patient_id,
            'source': 'textures',
          },
        )
