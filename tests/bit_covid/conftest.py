# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trainings that take seconds, a tiny checkpoint, and a DICOM series."""

from collections.abc import Callable, Iterator
import pathlib
import types

import ml_collections
import numpy as np
import pytest

from benchmarks import numpy_network
from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata as metadata_lib
from configs import common

CLASS_NAMES = ('Normal', 'CP', 'NCP')


@pytest.fixture(scope='module')
def small_network() -> Iterator[None]:
  """Puts a network that compiles in a second in the place of the tiny one."""
  size = resnet_v2.Size((1, 1), width=8, num_groups=4)
  models = {**resnet_v2.MODELS, 'tiny': size}
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(resnet_v2, 'MODELS', types.MappingProxyType(models))
    yield


@pytest.fixture(scope='session')
def make_small_config(
  tfds_dir: str,
) -> Callable[[], ml_collections.ConfigDict]:
  """Makes a config of eight steps on the tiny phantom."""

  def make() -> ml_collections.ConfigDict:
    config = common.get_config()
    config.model.name = 'tiny'
    config.data.name = 'phantom/tiny'
    config.data.data_dir = tfds_dir
    config.data.resize, config.data.crop = 36, 32
    config.batch = 8
    config.eval_batch = 8
    config.schedule = (2, 4, 6, 7, 8)
    config.log_every = 3
    config.eval_every = 4
    config.checkpoint_every = 4
    return config

  return make


@pytest.fixture(scope='session')
def save_checkpoint(
  random_params: Callable[..., dict],
) -> Callable[..., pathlib.Path]:
  """Writes `model.npz` of a tiny network; keywords are metadata."""

  def save(
    folder: pathlib.Path,
    params: dict | None = None,
    *,
    crop: int = 32,
    box: str = 'annotated',
    **metadata,
  ) -> pathlib.Path:
    defaults = {
      'class_names': CLASS_NAMES,
      'preprocessing': {
        'box': box,
        'crop': crop,
        'antialias': False,
        'range_16bit': [0, 65_535],
      },
      'window': (-600.0, 1500.0),
    }
    bit_npz.save(
      folder / 'model.npz',
      params or random_params('tiny'),
      model_name='tiny',
      metadata=metadata_lib.Metadata(**defaults | metadata),
    )
    return folder / 'model.npz'

  return save


@pytest.fixture(scope='session')
def reference_network() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
  """The tiny network in NumPy float64, of `benchmarks/numpy_network.py`.

  It takes parameters and gray images `[N, S, S, 1]` in [-1, 1] and returns
  logits and features.
  """

  def apply(params: dict, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    head = params['head']
    # With the identity as its head, the network returns its features.
    width = len(head['kernel'])
    identity = {'kernel': np.eye(width), 'bias': np.zeros(width)}
    features = numpy_network.logits(
      {**params, 'head': identity}, np.repeat(images, 3, axis=-1)
    )
    return features @ np.float64(head['kernel']) + head['bias'], features

  return apply


@pytest.fixture(scope='session')
def study(
  tmp_path_factory: pytest.TempPathFactory,
  chest: Callable[..., np.ndarray],
  write_dicom: Callable[..., pathlib.Path],
) -> pathlib.Path:
  """A folder with a series of 20 slices, a localizer and a note."""
  folder = tmp_path_factory.mktemp('Doe_Jane')
  for i in range(20):
    write_dicom(
      folder / f'Doe_Jane_{i:02d}.dcm',
      # The first two and the last one lie above and below the lungs.
      chest(64, lungs=2 <= i < 19, seed=i),
      ImagePositionPatient=[0, 0, -5 * i],
    )
  write_dicom(
    folder / 'scout.dcm', chest(64), ImageType=['DERIVED', 'X', 'LOCALIZER']
  )
  (folder / 'notes.txt').write_text('Jane Doe is well')
  return folder


@pytest.fixture(scope='session')
def write_placed_series(
  chest: Callable[..., np.ndarray],
  write_dicom: Callable[..., pathlib.Path],
) -> Callable[..., pathlib.Path]:
  """Writes a series with all that refers to it; keywords are its tags.

  Its ten slices are 2.5 mm apart; rows and columns differ in number and size.
  """

  def write(folder: pathlib.Path, **tags) -> pathlib.Path:
    folder.mkdir(parents=True, exist_ok=True)
    elements = {
      'StudyInstanceUID': '1.2.826.0.1.3680043.8.498.7',
      'FrameOfReferenceUID': '1.2.826.0.1.3680043.8.498.8',
      'ImageOrientationPatient': [-1, 0, 0, 0, 1, 0],
      'PixelSpacing': [4.0, 5.0],
      'SliceThickness': 2.5,
    }
    for i in range(10):
      write_dicom(
        folder / f'Doe_Jane_{i}.dcm',
        chest(80, seed=i)[:, 8:72],
        **elements
        | {
          'SOPInstanceUID': f'1.2.826.0.1.3680043.8.498.9.{i + 1}',
          'ImagePositionPatient': [150.0, -120.5, 40 - 2.5 * i],
        }
        | tags,
      )
    return folder

  return write
