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
import pathlib
from typing import Any

import tensorflow_datasets as tfds

from input_pipeline import drawn_builder
from input_pipeline.phantom import drawing


@dataclasses.dataclass(kw_only=True)
class PhantomConfig(tfds.core.BuilderConfig):
  """How many phantoms to draw, and how large.

  Attributes:
    size: side of an image in pixels.
    patients: number of patients per class in each split.
    slices: number of slices per patient, at most `drawing.MAX_SLICES`.
    seed: of everything that is drawn.
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
    drawn_builder.check_splits('patients', self.patients)


class Builder(drawn_builder.DrawnBuilder):
  """Draws the slices of all patients of a config, class by class."""

  VERSION = drawn_builder.version_of(pathlib.Path(__file__).parent)
  # A list, as tfds requires; the first config is the default.
  BUILDER_CONFIGS = [
    PhantomConfig(
      name='demo',
      description='1980 slices of 128 pixels: trains a small network.',
      size=128,
      patients=drawn_builder.per_split(60, 20, 30),
      slices=6,
    ),
    PhantomConfig(
      name='tiny',
      description='81 slices of 64 pixels: for tests.',
      size=64,
      patients=drawn_builder.per_split(4, 2, 3),
      slices=3,
    ),
  ]

  def _class_names(self) -> list[str]:
    return list(drawing.LABELS)

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
          example = {
            'image': drawn.image[..., None],
            'label': label,
            'box': drawn.box,
            'slice_id': slice_id,
            'patient_id': patient_id,
            'source': 'phantom',
          }
          yield slice_id, example
