# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The scanner: its table, noise, streaks, and the window of the gray values."""

import dataclasses

import numpy as np

from input_pipeline import conventions
from input_pipeline.phantom import anatomy as anatomy_lib
from input_pipeline.phantom import geometry


@dataclasses.dataclass(frozen=True)
class Scanner:
  """How one patient was scanned. Lengths are in half image sides.

  Attributes:
    table_lines: number of curves that the table shows as, 0 to 3.
    table_gap: gap between back and table.
    table_curve: curvature of the table.
    noise: standard deviation of white noise in HU.
    grain: standard deviation of coarser noise in HU.
    streaks: standard deviation of horizontal streaks in HU.
    gain: factor of the gray values under the window.
    offset: added to these gray values, which are 0 to 255.
  """

  table_lines: int
  table_gap: float
  table_curve: float
  noise: float
  grain: float
  streaks: float
  gain: float
  offset: float


def sample_scanner(rng: np.random.Generator) -> Scanner:
  """Returns a scanner with randomly drawn settings."""
  return Scanner(
    table_lines=int(rng.integers(0, 4)),
    table_gap=rng.uniform(0.02, 0.06),
    table_curve=rng.uniform(0.0, 0.22),
    noise=rng.uniform(8, 35),
    grain=rng.uniform(5, 30),
    streaks=rng.uniform(0, 20),
    gain=rng.uniform(0.85, 1.0),
    offset=rng.uniform(-15, 25),
  )


def draw_table(
  image: np.ndarray,
  scanner: Scanner,
  anatomy: anatomy_lib.Anatomy,
) -> np.ndarray:
  """Returns the image, `[S, S]` HU, with the table below the body."""
  size = len(image)
  x, y = geometry.pixel_grid(size)
  top = anatomy.center_y + anatomy.half_height + scanner.table_gap
  sag = (
    np.float32(scanner.table_curve) * (x - np.float32(anatomy.center_x)) ** 2
  )
  for line in range(scanner.table_lines):
    depth = top + (0.0, 0.06, 0.17)[line]
    shell = np.abs(y + sag - np.float32(depth)) - np.float32(0.007)
    density = (-300.0, -120.0, 0.0)[line]
    image = geometry.paint(image, density, geometry.coverage(shell, 2 / size))
  return image


def add_noise(
  image: np.ndarray, scanner: Scanner, rng: np.random.Generator
) -> np.ndarray:
  """Returns the image, `[S, S]` HU, with noise, grain and streaks."""
  size = len(image)
  x, y = geometry.pixel_grid(size)
  white = rng.standard_normal((size, size), np.float32) * scanner.noise
  lattice = rng.standard_normal((64, 64), np.float32)
  grain = geometry.lattice_noise(lattice, x + 1, y + 1, cells=23)
  # Streaks are horizontal and strongest at the height of the shoulders.
  rows = rng.standard_normal(size).astype(np.float32)[:, None]
  rows = rows * np.exp(-((y * 2) ** 2)) * np.float32(scanner.streaks)
  return image + white + grain * np.float32(scanner.grain) + rows


def to_gray(image: np.ndarray, scanner: Scanner) -> np.ndarray:
  """Returns the uint8 gray values of HU under the window of COVIDx CT."""
  center, width = conventions.LUNG_WINDOW
  gray = (image - (center - width / 2)) / width * 255 * scanner.gain
  gray = gray + scanner.offset
  return np.clip(np.rint(gray), 0, 255).astype(np.uint8)
