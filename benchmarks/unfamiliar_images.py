# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Images unlike the slices of a training, for `out_of_distribution.py`."""

from collections.abc import Callable, Mapping, Sequence
import pathlib

import cv2
import ml_collections
import numpy as np

import input_pipeline
from input_pipeline import hulls
from input_pipeline import scans
from input_pipeline.scans import window

Images = Sequence[np.ndarray]

# Of sets that are not made from the slices of the test split.
_COUNT = 120
# Center and width in Hounsfield units.
_WINDOWS = {
  'soft tissue window': (40, 400),
  'bone window': (400, 1800),
  'wide window, 0 and 3000': (0, 3000),
  'narrow lung window': (-600, 800),
}


def of_slices(slices: Images, seed: int) -> dict[str, Images]:
  """Returns changed slices, each set in the order of the slices.

  Args:
    slices: `[H, W]` uint8 each, in a lung window.
    seed: of the noise.
  """
  generator = np.random.default_rng(seed)

  def noisy(gray):
    return _gray(gray + generator.normal(0, 25, gray.shape))

  changes: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    'upside down': lambda x: x[::-1].copy(),
    'turned by 90 degrees': lambda x: np.rot90(x).copy(),
    'inverted': lambda x: 255 - x,
    **{
      name: lambda x, values=values: _windowed(x, *values)
      for name, values in _WINDOWS.items()
    },
    'darker (x 0.6)': lambda x: _gray(0.6 * x),
    'noise added': noisy,
    'blurred': lambda x: cv2.GaussianBlur(x, (0, 0), x.shape[0] / 64),
    'text on the border': _with_text,
    'lungs filled': _without_lungs,
  }
  return {name: list(map(change, slices)) for name, change in changes.items()}


def drawn(side: int, seed: int) -> dict[str, Images]:
  """Returns images that show no body, `[side, side]` uint8 each."""
  generator = np.random.default_rng(seed)
  y, x = np.mgrid[:side, :side] / side - 0.5
  angles = generator.uniform(0, 2 * np.pi, _COUNT)
  return {
    'noise': [
      generator.integers(0, 256, (side, side), np.uint8) for _ in range(_COUNT)
    ],
    'one gray value': [
      np.full((side, side), value, np.uint8)
      for value in np.linspace(0, 255, _COUNT)
    ],
    'gradient': [
      _gray(128 + 255 * (np.cos(a) * x + np.sin(a) * y)) for a in angles
    ],
  }


def of_builder(name: str, data_dir: str) -> Images:
  """Returns slices that this project draws, of the split test."""
  config = ml_collections.ConfigDict(
    {'name': name, 'path': '', 'data_dir': data_dir, 'image_folder': ''}
  )
  examples = input_pipeline.load_split(config, 'test')
  return [examples.image(int(i)).copy() for i in _some(range(len(examples)))]


def real(folder: pathlib.Path) -> dict[str, Images]:
  """Returns real slices, from the folder that BIT_COVID_REAL_DATA names."""
  found = {
    'COVIDx CT-3A': _read(folder / 'covidx_ct_sample'),
    'SARS-CoV-2 CT': _read(folder / 'sars_cov_2_ct'),
    'COVID-CT, figures from papers': _read(folder / 'ucsd_covid_ct'),
  }
  lungs, others = [], []
  with scans.find(folder / 'dicom_series') as series:
    for scan in series.scans:
      for each in scans.read_checked(scan):
        (others if each.reason else lungs).append(each.gray)
  return found | {'DICOM, lungs': lungs, 'DICOM, neck and belly': others}


def _some(values: Sequence) -> list:
  """Returns up to `_COUNT` values, from all parts of a sequence."""
  indices = np.linspace(0, len(values) - 1, min(_COUNT, len(values)))
  return [values[i] for i in indices.astype(int)]


def _read(folder: pathlib.Path) -> Images:
  paths = _some(sorted(folder.rglob('*.png')))
  return [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]


def _gray(values: np.ndarray) -> np.ndarray:
  return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _windowed(gray: np.ndarray, center: float, width: float) -> np.ndarray:
  """Returns a slice under another window, as far as its own one goes."""
  own_center, own_width = window.DEFAULT
  hounsfield = own_center + own_width * (gray / 255 - 0.5)
  return _gray(255 * ((hounsfield - center) / width + 0.5))


def _with_text(gray: np.ndarray) -> np.ndarray:
  result, scale = gray.copy(), gray.shape[0] / 512
  for text, x, y in (
    ('HOSPITAL 12:34', 8, 24),
    ('W 1500 L -600', 8, 500),
    ('512 x 512', 340, 24),
    ('R', 8, 256),
  ):
    place = (int(x * scale), int(y * scale))
    font, thickness = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(2 * scale))
    cv2.putText(result, text, place, font, 0.8 * scale, 255, thickness)
  return result


def _without_lungs(gray: np.ndarray) -> np.ndarray:
  """Returns a slice with lungs as bright as soft tissue, as in the belly."""
  lungs, body = hulls.lungs(gray), hulls.body(gray)
  tissue = gray[body & (gray > 170)]
  filled = np.where(lungs, np.median(tissue) if tissue.size else 200, gray)
  return _gray(filled)
