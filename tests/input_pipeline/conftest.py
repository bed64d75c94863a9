# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Small images, folders and configs, made without the code under test."""

from collections.abc import Callable
import io
import pathlib
from typing import NamedTuple

import ml_collections
import numpy as np
from PIL import Image
import pytest

from input_pipeline import examples as examples_lib


class Slice(NamedTuple):
  """A line of a split file, and what it should be taken for."""

  name: str
  label: int
  box: tuple[int, int, int, int]
  patient: str
  source: str
  size: tuple[int, int] = (48, 40)

  @property
  def line(self) -> str:
    return f'{self.name} {self.label} {" ".join(map(str, self.box))}'


_LIDC = 'LIDC-IDRI-0273'
# Not in the order of the alphabet, nor in that of the classes.
SLICES = {
  'train': (
    Slice('NCP_91_1328_0032.png', 2, (0, 5, 48, 33), 'NCP_91', 'CNCB'),
    Slice(
      'normal4_patient377_SR_2_IM00004.png',
      0,
      (3, 4, 45, 36),
      'patient377',
      'COVID-CTset',
    ),
    Slice('CP_7_3_0001.png', 1, (0, 0, 48, 40), 'CP_7', 'CNCB'),
    Slice(
      'HUST-Patient10-0005.png', 2, (1, 2, 3, 4), 'HUST-Patient10', 'iCTCF'
    ),
    Slice('NCP_91_1328_0031.png', 2, (2, 5, 47, 33), 'NCP_91', 'CNCB'),
  ),
  'val': (
    Slice(
      'radiopaedia_10_85902_3-0012.png',
      2,
      (10, 20, 63, 50),
      'radiopaedia_10_85902',
      'COVID-19-CT-Seg',
      (63, 51),
    ),
    Slice('NCP_911_1_0000.png', 2, (0, 5, 48, 33), 'NCP_911', 'CNCB'),
    Slice(
      f'{_LIDC}-1.3.6.1.4.1.6279.6001.268-0032.png',
      0,
      (5, 5, 40, 39),
      _LIDC,
      'LIDC-IDRI',
    ),
  ),
  'test': (
    Slice(
      'volume-covid19-A-0383_1_ct-0018.png',
      2,
      (0, 0, 20, 20),
      'volume-covid19-A-0383_1',
      'TCIA',
    ),
    Slice('Normal_1668_6_0100.png', 0, (8, 9, 40, 38), 'Normal_1668', 'CNCB'),
  ),
}


def _encode(array: np.ndarray, kind: str = 'PNG', **options) -> bytes:
  buffer = io.BytesIO()
  Image.fromarray(array).save(buffer, kind, **options)
  return buffer.getvalue()


@pytest.fixture(scope='session')
def encode() -> Callable[..., bytes]:
  """Encodes an array with Pillow, as PNG unless told otherwise."""
  return _encode


@pytest.fixture(scope='session')
def noise() -> Callable[..., np.ndarray]:
  """Draws a `[H, W]` uint8 image of noise."""

  def draw(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (height, width), np.uint8)

  return draw


@pytest.fixture(scope='session')
def covidx_slices() -> dict[str, tuple[Slice, ...]]:
  """What `write_covidx` writes, by split."""
  return SLICES


@pytest.fixture(scope='session')
def write_covidx(noise) -> Callable[..., pathlib.Path]:
  """Writes a folder in COVIDx CT's layout, and returns it."""

  def write(
    folder: pathlib.Path,
    *,
    splits: tuple[str, ...] = ('train', 'val', 'test'),
    version: str = '2A',
    images: str = '2A_images',
  ) -> pathlib.Path:
    (folder / images).mkdir(parents=True)
    for split in splits:
      lines = ''.join(f'{entry.line}\n' for entry in SLICES[split])
      (folder / f'{split}_COVIDx_CT-{version}.txt').write_text(lines)
      for number, entry in enumerate(SLICES[split]):
        width, height = entry.size
        image = noise(height, width, seed=number)
        (folder / images / entry.name).write_bytes(_encode(image))
    return folder

  return write


@pytest.fixture(scope='session')
def make_examples() -> Callable[..., examples_lib.Examples]:
  """Makes a split of images that are held in memory."""

  def make(images, *, label=None, box=None) -> examples_lib.Examples:
    encoded = [_encode(image) for image in images]
    count = len(encoded)
    if label is None:
      label = np.arange(count) % 3
    if box is None:
      box = np.zeros((count, 4))
    return examples_lib.Examples(
      class_names=('Normal', 'CP', 'NCP'),
      slice_id=np.array([f'slice{i}.png' for i in range(count)]),
      patient_id=np.array([f'patient{i}' for i in range(count)]),
      source=np.array(['here'] * count),
      label=np.asarray(label, np.int32),
      box=np.asarray(box, np.int32),
      digest=np.array([f'digest{i}' for i in range(count)]),
      read=lambda i: encoded[i],
    )

  return make


@pytest.fixture(scope='session')
def data_config() -> Callable[..., ml_collections.ConfigDict]:
  """Makes the field `data` of a config."""

  def make(**fields) -> ml_collections.ConfigDict:
    config = ml_collections.ConfigDict(
      {
        'name': 'image_folder',
        'path': '',
        'data_dir': '',
        'image_folder': '',
        'box': 'none',
        'resize': 16,
        'crop': 16,
        'antialias': False,
        'range_16bit': (0, 65_535),
        'per_class': 0,
        'per_class_by': 'slice',
      }
    )
    config.update(fields)
    return config

  return make
