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

Pattern = Callable[..., np.ndarray]


def _waves(rng, place: canvas.Place, period: float) -> np.ndarray:
  del rng
  return np.sin(place.y * np.float32(2 * np.pi / period))


def _stripes(rng, place: canvas.Place, period: float) -> np.ndarray:
  return np.clip(_waves(rng, place, period) * period / 4, -1, 1)


def _lines(rng, place: canvas.Place, period: float) -> np.ndarray:
  return np.clip((_waves(rng, place, period) - 0.75) * period / 2, -1, 1)


def _ramps(rng, place: canvas.Place, period: float) -> np.ndarray:
  # The steep edge may be on either side, as training mirrors the images.
  del rng
  return np.mod(place.y, period)


def _zigzags(rng, place: canvas.Place, period: float) -> np.ndarray:
  bent = np.abs(np.mod(place.x, 2 * period) - period)
  return _stripes(rng, canvas.Place(place.x, place.y + bent), period)


def _ripples(rng, place: canvas.Place, period: float) -> np.ndarray:
  bent = 0.4 * period * np.sin(place.x * np.float32(2 * np.pi / period / 1.5))
  return _stripes(rng, canvas.Place(place.x, place.y + bent), period)


def _checks(rng, place: canvas.Place, period: float) -> np.ndarray:
  first = _waves(rng, place, period)
  second = _waves(rng, canvas.Place(place.y, place.x), period)
  return np.clip(first * second * period / 2, -1, 1)


def _grids(rng, place: canvas.Place, period: float) -> np.ndarray:
  crossing = canvas.Place(place.y, place.x)
  return np.maximum(_lines(rng, place, period), _lines(rng, crossing, period))


def _diamonds(rng, place: canvas.Place, period: float) -> np.ndarray:
  slanted = canvas.Place(place.x, place.y + place.x * np.float32(1.7))
  crossing = canvas.Place(place.x, place.y - place.x * np.float32(1.7))
  first, second = (_waves(rng, at, 2 * period) for at in (slanted, crossing))
  return np.clip(first * second * period / 2, -1, 1)


def _bricks(rng, place: canvas.Place, period: float) -> np.ndarray:
  row = np.floor(place.y / np.float32(period))
  shifted = place.x + (row % 2) * np.float32(period)
  upright = canvas.Place(place.x, shifted / 2)
  return np.maximum(_lines(rng, place, period), _lines(rng, upright, period))


def _weaves(rng, place: canvas.Place, period: float) -> np.ndarray:
  column, row = (np.floor(v / np.float32(period)) for v in place)
  over = (column + row) % 2
  first, second = (np.sin(v * np.float32(np.pi / period)) ** 2 for v in place)
  return np.where(over > 0, first, second)


def _scales(rng, place: canvas.Place, period: float) -> np.ndarray:
  del rng
  row = np.floor(place.y / np.float32(period / 2))
  result = np.zeros_like(place.x)
  for above in (1, 0):
    line = row - above
    x = np.mod(place.x / np.float32(period) + (line % 2) / 2, 1) - 0.5
    y = (place.y - line * np.float32(period / 2)) / np.float32(period)
    radius = np.hypot(x, y)
    result = np.where(radius < 0.58, radius, result)
  return result


def _polar(rng, place: canvas.Place) -> tuple[np.ndarray, np.ndarray]:
  """Returns radius in pixels and angle from a random point near the middle."""
  size = len(place.x)
  row, column = rng.integers(size // 4, size - size // 4, 2)
  x, y = place.x - place.x[row, column], place.y - place.y[row, column]
  return np.hypot(x, y), np.arctan2(y, x)


def _circles(rng, place: canvas.Place, period: float) -> np.ndarray:
  radius, _ = _polar(rng, place)
  return _stripes(rng, canvas.Place(radius, radius), period)


def _rays(rng, place: canvas.Place, period: float) -> np.ndarray:
  _, angle = _polar(rng, place)
  spokes = np.round(100 / period)
  return np.clip(np.sin(angle * spokes) * 3, -1, 1)


def _spirals(rng, place: canvas.Place, period: float) -> np.ndarray:
  radius, angle = _polar(rng, place)
  wound = radius + angle * np.float32(period / np.pi)
  return _stripes(rng, canvas.Place(wound, wound), period)


def _nearest(rng, place: canvas.Place, period: float):
  """Returns the distances to the two nearest random points, and the nearest.

  There is one point in each square cell of `period` pixels; distances are in
  periods, and the nearest point is given by its number from 0 to 1023.
  """
  x, y = (v / np.float32(period) for v in place)
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


def _cells(rng, place: canvas.Place, period: float) -> np.ndarray:
  first, second, _ = _nearest(rng, place, period)
  return np.clip((second - first) * np.float32(period / 2), 0, 1)


def _mosaics(rng, place: canvas.Place, period: float) -> np.ndarray:
  _, _, cell = _nearest(rng, place, period)
  return rng.uniform(0, 1, 1024).astype(np.float32)[cell]


def _pebbles(rng, place: canvas.Place, period: float) -> np.ndarray:
  first, second, _ = _nearest(rng, place, period)
  return np.minimum((second - first), 0.5) - 0.3 * first


def _clouds(rng, place: canvas.Place, period: float) -> np.ndarray:
  size = len(place.x)
  return canvas.noise(rng, size, finest=period / 2, coarsest=2 * period)


def _fractals(rng, place: canvas.Place, period: float) -> np.ndarray:
  size = len(place.x)
  return sum(
    canvas.noise(rng, size, finest=period / 2**octave) * 0.5**octave
    for octave in range(4)
  )


def _camouflage(rng, place: canvas.Place, period: float) -> np.ndarray:
  return np.clip(_clouds(rng, place, period) * period / 3, -1, 1)


def _veins(rng, place: canvas.Place, period: float) -> np.ndarray:
  return np.minimum(np.abs(_clouds(rng, place, period)), 0.6)


def _contours(rng, place: canvas.Place, period: float) -> np.ndarray:
  return np.sin(4 * _clouds(rng, place, 1.5 * period))


def _speckles(rng, place: canvas.Place, period: float) -> np.ndarray:
  return np.maximum(_clouds(rng, place, period / 1.5) - 1, 0)


def _fibres(rng, place: canvas.Place, period: float) -> np.ndarray:
  size, turn = len(place.x), rng.uniform(0, np.pi)
  return canvas.noise(rng, size, finest=period / 2, stretch=6, turn=turn)


REPEATED: Mapping[str, Pattern] = types.MappingProxyType(
  {
    'stripes': _stripes,
    'lines': _lines,
    'ramps': _ramps,
    'zigzags': _zigzags,
    'ripples': _ripples,
    'checks': _checks,
    'grids': _grids,
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
    'camouflage': _camouflage,
    'veins': _veins,
    'contours': _contours,
    'speckles': _speckles,
    'fibres': _fibres,
  }
)
