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
  """How one patient was scanned, and the ranges from which that is drawn."""

  # Number of curves that the table shows as, 0 to 3.
  table_lines: int = dataclasses.field(
    metadata={'sample': lambda rng: int(rng.integers(0, 4))}
  )
  # Gap between back and table, and its curvature, in half image sides.
  table_gap: float = anatomy_lib.between(0.02, 0.06)
  table_curve: float = anatomy_lib.between(0.0, 0.22)
  # Standard deviations of white noise, of coarser noise, and of horizontal
  # streaks, in HU.
  noise: float = anatomy_lib.between(8, 35)
  grain: float = anatomy_lib.between(5, 30)
  streaks: float = anatomy_lib.between(0, 20)
  # Factor of the gray values, 0 to 255 under the window, and what is added.
  gain: float = anatomy_lib.between(0.85, 1.0)
  offset: float = anatomy_lib.between(-15, 25)


def draw_table(
  image: np.ndarray, scanner: Scanner, anatomy: anatomy_lib.Anatomy
) -> np.ndarray:
  """Returns the image, `[S, S]` HU, with the table below the body."""
  size = len(image)
  x, y = geometry.pixel_grid(size)
  top = anatomy.center_y + anatomy.half_height + scanner.table_gap
  away = x - np.float32(anatomy.center_x)
  sag = np.float32(scanner.table_curve) * away**2
  lines = ((0.0, -300.0), (0.06, -120.0), (0.17, 0.0))
  for depth, density in lines[: scanner.table_lines]:
    shell = np.abs(y + sag - np.float32(top + depth)) - np.float32(0.007)
    image = geometry.fill(image, density, shell, 2 / size)
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
