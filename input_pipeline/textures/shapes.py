# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Flat shapes, and how they are scattered over the plane.

A shape is a function that returns the signed distance to its outline, negative
inside. Its arguments are x and y in units of its radius, and it lies within the
unit circle.
"""

from collections.abc import Callable, Mapping
import functools
import types

import numpy as np

from input_pipeline.textures import canvas

Shape = Callable[[np.ndarray, np.ndarray], np.ndarray]


def scattered(
  rng: np.random.Generator,
  place: canvas.Place,
  *,
  shape: Shape,
  period: float,
  filled: float,
) -> np.ndarray:
  """Returns an image of a shape scattered over a square grid, in [0, 1].

  It is 1 inside and 0 outside of the shapes. Of the cells, whose side is
  `period` pixels, a share of `filled` holds a shape of random size, rotation
  and place.
  """
  x, y = place.x / np.float32(period), place.y / np.float32(period)
  column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
  # The cells repeat after 32 x 32, which is more than an image shows.
  cell = (row % 32) * 32 + column % 32
  radius = rng.uniform(0.28, 0.44, 1024).astype(np.float32)
  shift = rng.uniform(-1, 1, (2, 1024)).astype(np.float32) * (0.47 - radius)
  turn = rng.uniform(0, 2 * np.pi, 1024).astype(np.float32)
  present = rng.uniform(size=1024) < filled
  x = (x - column - np.float32(0.5) - shift[0, cell]) / radius[cell]
  y = (y - row - np.float32(0.5) - shift[1, cell]) / radius[cell]
  cos, sin = np.cos(turn)[cell], np.sin(turn)[cell]
  distance = shape(cos * x + sin * y, cos * y - sin * x)
  pixels = distance * radius[cell] * np.float32(period)
  return np.clip(0.5 - pixels, 0, 1) * present[cell]


def single(
  rng: np.random.Generator, place: canvas.Place, *, shape: Shape
) -> np.ndarray:
  """Returns one large shape near the middle: 1 inside of it, 0 outside."""
  size = len(place.x)
  radius = rng.uniform(0.25, 0.42) * size
  middle = size // 2
  x = place.x - place.x[middle, middle] + rng.uniform(-0.12, 0.12) * size
  y = place.y - place.y[middle, middle] + rng.uniform(-0.12, 0.12) * size
  distance = shape(x / np.float32(radius), y / np.float32(radius))
  return np.clip(0.5 - distance * np.float32(radius), 0, 1)


def _disc(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  return np.hypot(x, y) - 1


def _bar(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  return np.maximum(np.abs(x) - 0.97, np.abs(y) - np.float32(0.22))


def _corner(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  upright = _bar(x, y + np.float32(0.5)) + np.float32(0.1)
  level = _bar(y, x + np.float32(0.5)) + np.float32(0.1)
  return np.maximum(np.minimum(upright, level), _disc(x, y))


def _arrow(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  head = np.maximum(np.abs(y) + 0.9 * x - np.float32(0.85), -x)
  shaft = np.maximum(np.abs(x + np.float32(0.3)) - 0.65, np.abs(y) - 0.2)
  return np.minimum(head, shaft)


def _star(
  x: np.ndarray, y: np.ndarray, *, points: int, inner: float
) -> np.ndarray:
  """Returns the distance to a star whose notches have the radius `inner`."""
  half = np.pi / points
  angle = np.abs(np.mod(np.arctan2(y, x) + half, 2 * half) - half)
  radius = np.hypot(x, y)
  along, across = radius * np.cos(angle), radius * np.sin(angle)
  edge = np.array((inner * np.cos(half) - 1, inner * np.sin(half)))
  normal = np.array((edge[1], -edge[0])) / np.linalg.norm(edge)
  normal = normal.astype(np.float32)
  return (along - 1) * normal[0] + across * normal[1]


def _polygon(corners: int) -> Shape:
  inner = float(np.cos(np.pi / corners))
  return functools.partial(_star, points=corners, inner=inner)


SHAPES: Mapping[str, Shape] = types.MappingProxyType(
  {
    'discs': _disc,
    'rings': lambda x, y: np.abs(np.hypot(x, y) - 0.78) - 0.22,
    'halves': lambda x, y: np.maximum(_disc(x, y), -y),
    'crescents': lambda x, y: np.maximum(
      _disc(x, y), 0.85 - np.hypot(x - np.float32(0.5), y)
    ),
    'ovals': lambda x, y: _disc(x, y / np.float32(0.45)) * np.float32(0.45),
    'bars': _bar,
    'pluses': lambda x, y: np.minimum(_bar(x, y), _bar(y, x)),
    'corners': _corner,
    'arrows': _arrow,
    'triangles': _polygon(3),
    'squares': _polygon(4),
    'hexagons': _polygon(6),
    'spikes': functools.partial(_star, points=4, inner=0.3),
    'stars': functools.partial(_star, points=5, inner=0.4),
    'suns': functools.partial(_star, points=9, inner=0.6),
  }
)
