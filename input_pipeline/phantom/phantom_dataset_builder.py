# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""tfds builder of synthetic chest CT, which is drawn and not downloaded.

builder = Builder(
    config='demo', data_dir='/tmp/phantom', file_format='array_record'
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
from input_pipeline.phantom import drawing


@dataclasses.dataclass(kw_only=True)
class PhantomConfig(tfds.core.BuilderConfig):
  """How many phantoms to draw, and how large.

  Attributes:
    size: side of an image in pixels.
    patients: number of patients per class in each split.
    slices: number of slices per patient, at most `drawing.MAX_SLICES`.
    seed: seed of everything that is drawn.
  """

  size: int
  patients: Mapping[str, int]
  slices: int
  seed: int = 0

  def __post_init__(self):
    if not 1 <= self.slices <= drawing.MAX_SLICES:
      raise ValueError(
        f'slices is {self.slices}, but a scan has 1 to '
        f'{drawing.MAX_SLICES} slices.'
      )
    if set(self.patients) != set(conventions.SPLITS):
      raise ValueError(
        f'patients names the splits {sorted(self.patients)}, but they must '
        f'be {sorted(conventions.SPLITS)}.'
      )


class Builder(tfds.core.GeneratorBasedBuilder):
  """Draws the slices of all patients of a config, class by class."""

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES = types.MappingProxyType({'1.0.0': 'Initial release.'})
  # A list, as tfds requires; the first config is the default.
  BUILDER_CONFIGS = [
    PhantomConfig(
      name='demo',
      description='1980 slices of 128 pixels: trains a small network.',
      size=128,
      patients=types.MappingProxyType({'train': 60, 'val': 20, 'test': 30}),
      slices=6,
    ),
    PhantomConfig(
      name='tiny',
      description='81 slices of 64 pixels: for tests.',
      size=64,
      patients=types.MappingProxyType({'train': 4, 'val': 2, 'test': 3}),
      slices=3,
    ),
  ]

  def _info(self) -> tfds.core.DatasetInfo:
    return self.dataset_info_from_configs(
      features=tfds.features.FeaturesDict(
        {
          'image': tfds.features.Image(
            shape=(None, None, 1), dtype=np.uint8, encoding_format='png'
          ),
          'label': tfds.features.ClassLabel(names=list(drawing.LABELS)),
          # xmin, ymin, xmax, ymax of the body in pixels, end exclusive.
          'box': tfds.features.Tensor(shape=(4,), dtype=np.int32),
          'slice_id': tfds.features.Text(),
          'patient_id': tfds.features.Text(),
          'source': tfds.features.Text(),
        }
      ),
      supervised_keys=('image', 'label'),
      # Keeps the order in which the patients are drawn.
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
    for label in drawing.LABELS:
      for number in range(config.patients[split]):
        patient = drawing.sample_patient(
          seed=config.seed, split=split, label=label, number=number
        )
        patient_id = f'phantom-{split}-{label}-{number:03d}'
        for index in range(config.slices):
          drawn = drawing.draw_slice(patient, index, size=config.size)
          slice_id = f'{patient_id}-{index:03d}.png'
          yield (
            slice_id,
            {
              'image': drawn.image[..., None],
              'label': label,
              'box': drawn.box,
              'slice_id': slice_id,
              'patient_id': patient_id,
              'source': 'phantom',
            },
          )
