# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Coordinates and smooth noise: what every texture is drawn on.

Lengths are in pixels. A pattern is a `[S, S]` float32 whose brightness and
contrast mean nothing; only `drawing.draw` makes gray values of it.
"""

import functools
from typing import NamedTuple

import numpy as np


class Place(NamedTuple):
  """Where a pattern lies: pixel (row, column) is the point (x, y) of it."""

  x: np.ndarray
  y: np.ndarray


def place(
  rng: np.random.Generator, size: int, *, turn: float, warp: float
) -> Place:
  """Returns a plane shifted at random, turned, and bent.

  Args:
    rng: of shift and bends.
    size: side in pixels.
    turn: in radians.
    warp: how far points are moved off a straight plane, in pixels.
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
  """Returns noise of mean 0 and deviation 1 with waves of some lengths only.

  Args:
    rng: of the noise.
    size: side in pixels.
    finest: shortest wave in pixels.
    coarsest: longest wave in pixels.
    stretch: how many times longer the waves are one way than the other.
    turn: of that way from x, in radians.
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
  """Returns the pattern under a Gaussian of that deviation in pixels."""
  size = len(pattern)
  along, across = _frequencies(size)
  kept = np.exp(-2 * (np.pi * deviation) ** 2 * (along**2 + across**2))
  return np.fft.irfft2(np.fft.rfft2(pattern) * kept, (size, size))


def standardized(pattern: np.ndarray) -> np.ndarray:
  """Returns the pattern with mean 0 and deviation 1, float32."""
  pattern = pattern - pattern.mean()
  deviation = max(float(pattern.std()), 1e-6)
  return (pattern / deviation).astype(np.float32)


@functools.cache
def _frequencies(size: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns waves a pixel along x and along y of a real Fourier transform."""
  return np.meshgrid(np.fft.rfftfreq(size), np.fft.fftfreq(size))
