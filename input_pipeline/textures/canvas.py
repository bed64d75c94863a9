# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Coordinates and smooth noise, on which every texture is drawn.

Lengths are in pixels. A pattern is `[S, S]` float32. Its brightness and
contrast have no meaning until `drawing.draw` turns it into gray values.
"""

import functools
from typing import NamedTuple

import numpy as np


class Place(NamedTuple):
  """The plane of a pattern: the coordinates x and y of each pixel, `[S, S]`."""

  x: np.ndarray
  y: np.ndarray


def place(
  rng: np.random.Generator, size: int, *, turn: float, warp: float
) -> Place:
  """Returns a plane that is turned, randomly shifted and bent.

  `turn` is in radians; `warp` is the standard deviation of the bends.
  """
  centers = np.arange(size, dtype=np.float32) - np.float32((size - 1) / 2)
  x, y = np.meshgrid(centers, centers)
  if warp:
    x = x + np.float32(warp) * noise(rng, size, finest=size / 3)
    y = y + np.float32(warp) * noise(rng, size, finest=size / 3)
  cos, sin = np.float32(np.cos(turn)), np.float32(np.sin(turn))
  shift = rng.uniform(0, 1000, 2).astype(np.float32)
  return Place(cos * x + sin * y + shift[0], cos * y - sin * x + shift[1])


def noise(
  rng: np.random.Generator,
  size: int,
  *,
  finest: float,
  coarsest: float = np.inf,
  stretch: float = 1.0,
  turn: float = 0.0,
) -> np.ndarray:
  """Returns band-limited noise, `[size, size]`, of mean 0 and deviation 1.

  Its waves are from `finest` to `coarsest` long, and `stretch` times as long in
  the direction whose angle from x is `turn` (radians).
  """
  right, down = _frequencies(size)
  along = np.cos(turn) * right + np.sin(turn) * down
  across = np.cos(turn) * down - np.sin(turn) * right
  frequency = np.hypot(along * stretch, across)
  kept = np.exp(-((frequency * finest) ** 4))
  kept *= -np.expm1(-((frequency * min(coarsest, size)) ** 4))
  white = np.fft.rfft2(rng.standard_normal((size, size), np.float32))
  return standardized(np.fft.irfft2(white * kept, (size, size)))


def blur(pattern: np.ndarray, deviation: float) -> np.ndarray:
  """Returns the pattern after a Gaussian blur."""
  size = len(pattern)
  along, across = _frequencies(size)
  kept = np.exp(-2 * (np.pi * deviation) ** 2 * (along**2 + across**2))
  return np.fft.irfft2(np.fft.rfft2(pattern) * kept, (size, size))


def standardized(pattern: np.ndarray) -> np.ndarray:
  """Returns the pattern scaled to mean 0 and deviation 1, float32."""
  pattern = pattern - pattern.mean()
  deviation = max(float(pattern.std()), 1e-6)
  return (pattern / deviation).astype(np.float32)


@functools.cache
def _frequencies(size: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns the frequencies of `rfft2` along x and y, in waves per pixel."""
  return np.meshgrid(np.fft.rfftfreq(size), np.fft.fftfreq(size))
