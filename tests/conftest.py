# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Two fake devices, strict promotion, and the data that tests share."""

from collections.abc import Callable, Iterator
import contextlib
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import warnings

import jax
import numpy as np
import pytest
import setuptools

ROOT = pathlib.Path(__file__).parents[1]

# Before anything asks JAX for its devices.
jax.config.update('jax_platforms', 'cpu')
jax.config.update('jax_num_cpu_devices', 2)
jax.config.update('jax_numpy_dtype_promotion', 'strict')
jax.config.update('jax_numpy_rank_promotion', 'raise')
# Compiling takes most of the time of these tests, and they test our programs,
# not XLA's optimizations. The slow proofs run with all of them: .ci/run sets
# this variable to 0. Programs that tests start inherit it.
_OPTIMIZATIONS_VARIABLE = 'JAX_DISABLE_MOST_OPTIMIZATIONS'
if _OPTIMIZATIONS_VARIABLE not in os.environ:
  os.environ[_OPTIMIZATIONS_VARIABLE] = '1'
  jax.config.update('jax_disable_most_optimizations', True)
# Many tests compile the same program. The first process makes a cache, which
# the workers of pytest-xdist and the programs that tests start inherit.
_CACHE_VARIABLE = 'JAX_COMPILATION_CACHE_DIR'
if _CACHE_VARIABLE not in os.environ:
  _CACHE = tempfile.TemporaryDirectory(prefix='bit_covid_tests')
  os.environ[_CACHE_VARIABLE] = _CACHE.name
jax.config.update('jax_compilation_cache_dir', os.environ[_CACHE_VARIABLE])
jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.1)


@pytest.fixture(scope='session')
def real_data() -> pathlib.Path:
  """The folder of real CT slices and official split files."""
  folder = os.environ.get('BIT_COVID_REAL_DATA')
  if not folder:
    pytest.skip('BIT_COVID_REAL_DATA names no folder of real CT slices')
  return pathlib.Path(folder)


@pytest.fixture(scope='session')
def largest_file() -> Callable[[int], contextlib.AbstractContextManager[None]]:
  """Lets the system write at most so many bytes into a file, in a block.

  So it refuses the rest of a write, as on a full disk.
  """

  @contextlib.contextmanager
  def limit(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Otherwise a write beyond the limit ends the program.
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
      yield
    finally:
      resource.setrlimit(resource.RLIMIT_FSIZE, before)
      signal.signal(signal.SIGXFSZ, handler)

  return limit


@pytest.fixture(scope='session')
def tfds_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
  """The folder of prepared datasets, each of which is drawn once a worker."""
  return str(tmp_path_factory.mktemp('tfds'))


@pytest.fixture(scope='session')
def random_params() -> Callable[..., dict]:
  """Makes parameters of a network whose every value matters."""
  from benchmarks import numpy_network

  return numpy_network.random_params


_SERIES = '1.2.826.0.1.3680043.8.498.1'


def _ellipse(size: int, center: tuple[float, float], axes) -> np.ndarray:
  y, x = np.mgrid[:size, :size] / size
  return ((x - center[0]) / axes[0]) ** 2 + ((y - center[1]) / axes[1]) ** 2 < 1


@pytest.fixture(scope='session')
def chest() -> Callable[..., np.ndarray]:
  """Draws a slice in Hounsfield units, int16; the right lung is the larger."""

  def draw(size: int = 128, *, lungs: bool = True, seed: int = 0) -> np.ndarray:
    values = np.full((size, size), -1000.0)
    values[_ellipse(size, (0.5, 0.5), (0.44, 0.34))] = 40
    if lungs:
      values[_ellipse(size, (0.32, 0.5), (0.13, 0.22))] = -850
      values[_ellipse(size, (0.68, 0.5), (0.10, 0.19))] = -850
    values += np.random.default_rng(seed).normal(size=values.shape) * 15
    # Not below what 12 bits with an intercept of -1024 can say.
    return np.rint(np.maximum(values, -1024)).astype(np.int16)

  return draw


@pytest.fixture(scope='session')
def write_dicom() -> Callable[..., pathlib.Path]:
  """Writes Hounsfield units as a DICOM file; keywords are its tags."""

  def write(path: pathlib.Path, hounsfield: np.ndarray, **tags) -> pathlib.Path:
    import pydicom
    import pydicom.uid

    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    stored = (hounsfield.astype(np.int32) + 1024).astype(np.uint16)
    fields = {
      'SOPClassUID': pydicom.uid.CTImageStorage,
      'SOPInstanceUID': pydicom.uid.generate_uid(),
      'SeriesInstanceUID': _SERIES,
      'PatientName': 'Doe^Jane',
      'PatientID': 'secret-17',
      'Modality': 'CT',
      'ImageType': ['ORIGINAL', 'PRIMARY', 'AXIAL'],
      'BodyPartExamined': 'CHEST',
      'ImagePositionPatient': [-160, -160, 0],
      'ImageOrientationPatient': [1, 0, 0, 0, 1, 0],
      'RescaleSlope': 1,
      'RescaleIntercept': -1024,
      'Rows': stored.shape[-2],
      'Columns': stored.shape[-1],
      'SamplesPerPixel': 1,
      'PhotometricInterpretation': 'MONOCHROME2',
      'BitsAllocated': 16,
      'BitsStored': 16,
      'HighBit': 15,
      'PixelRepresentation': 0,
      'PixelData': stored.tobytes(),
    }
    for name, value in (fields | tags).items():
      if value is not None:
        setattr(dataset, name, value)
    dataset['PixelData'].VR = 'OW'
    with warnings.catch_warnings():
      warnings.simplefilter('ignore')
      dataset.save_as(path, enforce_file_format=True)
    return path

  return write


@pytest.fixture(scope='session')
def to_gray() -> Callable[[np.ndarray], np.ndarray]:
  """Windows Hounsfield units as COVIDx CT does."""

  def convert(hounsfield: np.ndarray) -> np.ndarray:
    share = (hounsfield.astype(np.float64) + 1350) / 1500
    return (255 * np.clip(share, 0, 1)).astype(np.uint8)

  return convert


@pytest.fixture(scope='session')
def built(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
  """The folder of a source distribution and of the wheel made from it."""
  if int(setuptools.__version__.split('.')[0]) < 77:
    pytest.skip('needs setuptools 77 or newer; it is in the extra `test`')
  folder = tmp_path_factory.mktemp('built')
  ignored = shutil.ignore_patterns('.*_cache', '.venv', '.git', '*.egg-info')
  shutil.copytree(ROOT, folder / 'clone', ignore=ignored)
  # By the hooks that pip and build call, without a network.
  program = 'import sys; from setuptools import build_meta; '
  program += 'print(getattr(build_meta, sys.argv[1])(sys.argv[2]))'
  for hook, place in (('sdist', 'clone'), ('wheel', 'unpacked/bit_covid-*')):
    (place,) = folder.glob(place)
    subprocess.run(
      [sys.executable, '-c', program, f'build_{hook}', str(folder)],
      cwd=place,
      check=True,
      stdout=subprocess.DEVNULL,
    )
    if hook == 'sdist':
      (archive,) = folder.glob('*.tar.gz')
      shutil.unpack_archive(archive, folder / 'unpacked', filter='data')
  return folder
