# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Patterns that fill the plane: periodic ones, and ones made of noise.

Each is a function of a random generator, a plane and the period in pixels. It
returns `[S, S]`, whose scale and offset do not matter.
"""

from collections.abc import Callable, Mapping
import types

import numpy as np

from input_pipeline.textures import canvas

Pattern = Callable[[np.random.Generator, canvas.Place, float], np.ndarray]


def _waves(v: np.ndarray, period: float) -> np.ndarray:
  return np.sin(v * np.float32(2 * np.pi / period))


def _stripes(v: np.ndarray, period: float) -> np.ndarray:
  return np.clip(_waves(v, period) * period / 4, -1, 1)


def _lines(v: np.ndarray, period: float) -> np.ndarray:
  return np.clip((_waves(v, period) - 0.75) * period / 2, -1, 1)


def _fields(v, w, period: float, *, stretch: int = 1) -> np.ndarray:
  """Returns fields of two tones between the zeros of waves along v and w."""
  first, second = _waves(v, stretch * period), _waves(w, stretch * period)
  return np.clip(first * second * period / 2, -1, 1)


def _zigzags(rng, at: canvas.Place, period: float) -> np.ndarray:
  bent = np.abs(np.mod(at.x, 2 * period) - period)
  return _stripes(at.y + bent, period)


def _ripples(rng, at: canvas.Place, period: float) -> np.ndarray:
  bent = 0.4 * period * np.sin(at.x * np.float32(2 * np.pi / period / 1.5))
  return _stripes(at.y + bent, period)


def _diamonds(rng, at: canvas.Place, period: float) -> np.ndarray:
  slope = at.x * np.float32(1.7)
  return _fields(at.y + slope, at.y - slope, period, stretch=2)


def _bricks(rng, at: canvas.Place, period: float) -> np.ndarray:
  row = np.floor(at.y / np.float32(period))
  shifted = at.x + (row % 2) * np.float32(period)
  return np.maximum(_lines(at.y, period), _lines(shifted / 2, period))


def _weaves(rng, at: canvas.Place, period: float) -> np.ndarray:
  column, row = (np.floor(v / np.float32(period)) for v in at)
  over = (column + row) % 2
  first, second = (np.sin(v * np.float32(np.pi / period)) ** 2 for v in at)
  return np.where(over > 0, first, second)


def _scales(rng, at: canvas.Place, period: float) -> np.ndarray:
  row = np.floor(at.y / np.float32(period / 2))
  result = np.zeros_like(at.x)
  for above in (1, 0):
    line = row - above
    x = np.mod(at.x / np.float32(period) + (line % 2) / 2, 1) - 0.5
    y = (at.y - line * np.float32(period / 2)) / np.float32(period)
    radius = np.hypot(x, y)
    result = np.where(radius < 0.58, radius, result)
  return result


def _polar(rng, at: canvas.Place) -> tuple[np.ndarray, np.ndarray]:
  """Returns radius in pixels and angle from a random point near the middle."""
  size = len(at.x)
  row, column = rng.integers(size // 4, size - size // 4, 2)
  x, y = at.x - at.x[row, column], at.y - at.y[row, column]
  return np.hypot(x, y), np.arctan2(y, x)


def _circles(rng, at: canvas.Place, period: float) -> np.ndarray:
  radius, _ = _polar(rng, at)
  return _stripes(radius, period)


def _rays(rng, at: canvas.Place, period: float) -> np.ndarray:
  _, angle = _polar(rng, at)
  return np.clip(np.sin(angle * np.round(100 / period)) * 3, -1, 1)


def _spirals(rng, at: canvas.Place, period: float) -> np.ndarray:
  radius, angle = _polar(rng, at)
  return _stripes(radius + angle * np.float32(period / np.pi), period)


def _nearest(rng, at: canvas.Place, period: float):
  """Returns the distances to the two nearest random points, and the nearest.

  There is one point in each square cell of `period` pixels; distances are in
  periods, and the nearest point is given by its number from 0 to 1023.
  """
  x, y = (v / np.float32(period) for v in at)
  column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
  points = rng.uniform(0, 1, (2, 1024)).astype(np.float32)
  distances, cells = [], []
  for down in (-1, 0, 1):
    for right in (-1, 0, 1):
      cell = ((row + down) % 32) * 32 + (column + right) % 32
      dx = column + right + points[0, cell] - x
      dy = row + down + points[1, cell] - y
      distances.append(np.hypot(dx, dy))
      cells.append(cell)
  distances, cells = np.stack(distances), np.stack(cells)
  nearest = distances.argmin(0)[None]
  first, second = np.partition(distances, 1, axis=0)[:2]
  return first, second, np.take_along_axis(cells, nearest, 0)[0]


def _cells(rng, at: canvas.Place, period: float) -> np.ndarray:
  first, second, _ = _nearest(rng, at, period)
  return np.clip((second - first) * np.float32(period / 2), 0, 1)


def _mosaics(rng, at: canvas.Place, period: float) -> np.ndarray:
  _, _, cell = _nearest(rng, at, period)
  return rng.uniform(0, 1, 1024).astype(np.float32)[cell]


def _pebbles(rng, at: canvas.Place, period: float) -> np.ndarray:
  first, second, _ = _nearest(rng, at, period)
  return np.minimum(second - first, 0.5) - 0.3 * first


def _clouds(rng, at: canvas.Place, period: float) -> np.ndarray:
  return canvas.noise(rng, len(at.x), finest=period / 2, coarsest=2 * period)


def _fractals(rng, at: canvas.Place, period: float) -> np.ndarray:
  size = len(at.x)
  return sum(
    canvas.noise(rng, size, finest=period / 2**octave) * 0.5**octave
    for octave in range(4)
  )


def _fibres(rng, at: canvas.Place, period: float) -> np.ndarray:
  turn = rng.uniform(0, np.pi)
  return canvas.noise(rng, len(at.x), finest=period / 2, stretch=6, turn=turn)


REPEATED: Mapping[str, Pattern] = types.MappingProxyType(
  {
    'stripes': lambda rng, at, period: _stripes(at.y, period),
    'lines': lambda rng, at, period: _lines(at.y, period),
    # The steep edge may be on either side, as training mirrors the images.
    'ramps': lambda rng, at, period: np.mod(at.y, period),
    'zigzags': _zigzags,
    'ripples': _ripples,
    'checks': lambda rng, at, period: _fields(at.y, at.x, period),
    'grids': lambda rng, at, period: np.maximum(
      _lines(at.y, period), _lines(at.x, period)
    ),
    'diamonds': _diamonds,
    'bricks': _bricks,
    'weaves': _weaves,
    'scales': _scales,
    'circles': _circles,
    'rays': _rays,
    'spirals': _spirals,
    'cells': _cells,
    'mosaics': _mosaics,
    'pebbles': _pebbles,
  }
)

# Patterns of noise, which look the same on a bent plane.
NOISES: Mapping[str, Pattern] = types.MappingProxyType(
  {
    'clouds': _clouds,
    'fractals': _fractals,
    'camouflage': lambda rng, at, period: np.clip(
      _clouds(rng, at, period) * period / 3, -1, 1
    ),
    'veins': lambda rng, at, period: np.minimum(
      np.abs(_clouds(rng, at, period)), 0.6
    ),
    'contours': lambda rng, at, period: np.sin(
      4 * _clouds(rng, at, 1.5 * period)
    ),
    'speckles': lambda rng, at, period: np.maximum(
      _clouds(rng, at, period / 1.5) - 1, 0
    ),
    'fibres': _fibres,
  }
)
