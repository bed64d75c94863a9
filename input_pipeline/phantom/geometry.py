# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Signed distances, noise and discs, with which the phantom is drawn.

Lengths are in half image sides: the image spans [-1, 1] in x (to the right) and
in y (down). A signed distance is negative inside its shape.

    x, y = pixel_grid(128)
    disc = ellipse_distance(x, y, center=(0, 0), radii=(0.5, 0.3))
    image = fill(image, 40.0, disc, 2 / 128)
"""

import functools

import numpy as np

Point = tuple[float, float]


def pixel_grid(size: int) -> tuple[np.ndarray, np.ndarray]:
  """Returns x and y of all pixel centers, each `[size, size]` float32."""
  centers = ((np.arange(size) + 0.5) * 2 / size - 1).astype(np.float32)
  x, y = np.meshgrid(centers, centers)
  return x, y


def rotate(
  x: np.ndarray, y: np.ndarray, angle: float
) -> tuple[np.ndarray, np.ndarray]:
  """Returns x and y seen from axes turned by `angle` (radians)."""
  cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
  return cos * x + sin * y, cos * y - sin * x


def coverage(distance: np.ndarray, softness: float) -> np.ndarray:
  """Returns the share of each pixel that a shape covers, in [0, 1].

  Args:
    distance: signed distance to the outline of the shape.
    softness: width of the border; that of one pixel gives an antialiased edge.
  """
  return np.clip(0.5 - distance / np.float32(softness), 0, 1)


def paint(
  image: np.ndarray, value: np.ndarray | float, weight: np.ndarray
) -> np.ndarray:
  """Returns `image` blended with `value`, whose weight is in [0, 1]."""
  return image + (value - image) * weight


def fill(
  image: np.ndarray,
  value: np.ndarray | float,
  distance: np.ndarray,
  softness: float,
) -> np.ndarray:
  """Returns `image` with a shape painted on it; see `coverage`."""
  return paint(image, value, coverage(distance, softness))


def ellipse_distance(
  x: np.ndarray,
  y: np.ndarray,
  *,
  center: Point,
  radii: Point,
  angle: float = 0.0,
) -> np.ndarray:
  """Returns the approximate signed distance to an ellipse."""
  x, y = x - np.float32(center[0]), y - np.float32(center[1])
  if angle:
    x, y = rotate(x, y, angle)
  # np.hypot would take most of the time here, as it guards against overflow.
  level = (x / np.float32(radii[0])) ** 2 + (y / np.float32(radii[1])) ** 2
  return (np.sqrt(level) - 1) * np.float32(min(radii))


def capsule_distance(
  x: np.ndarray,
  y: np.ndarray,
  *,
  start: Point,
  end: Point,
  radius: float,
) -> np.ndarray:
  """Returns the signed distance to a thick line from `start` to `end`."""
  step_x, step_y = end[0] - start[0], end[1] - start[1]
  x, y = x - np.float32(start[0]), y - np.float32(start[1])
  along = (x * np.float32(step_x) + y * np.float32(step_y)) / np.float32(
    step_x**2 + step_y**2
  )
  along = np.clip(along, 0, 1)
  x, y = x - along * np.float32(step_x), y - along * np.float32(step_y)
  return np.sqrt(x**2 + y**2) - np.float32(radius)


def smooth_union(*shapes: np.ndarray, rounding: float) -> np.ndarray:
  """Returns the distance to the union of shapes, its notches rounded.

  Args:
    *shapes: signed distances to each.
    rounding: distance from a notch at which the rounding begins.
  """

  def join(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    overlap = np.maximum(rounding - np.abs(first - second), 0)
    return np.minimum(first, second) - overlap**2 / np.float32(4 * rounding)

  return functools.reduce(join, shapes)


def smooth_overlap(*shapes: np.ndarray, rounding: float) -> np.ndarray:
  """Returns the distance to the overlap of shapes, its corners rounded."""
  return -smooth_union(*(-x for x in shapes), rounding=rounding)


def lattice_noise(
  lattice: np.ndarray, x: np.ndarray, y: np.ndarray, *, cells: float
) -> np.ndarray:
  """Returns smooth noise, interpolated between periodic lattice points.

  Args:
    lattice: `[N, N]` float32, where N is a power of two.
    x: of the points, of any shape.
    y: of the points.
    cells: lattice cells per unit length.
  """
  side, last = len(lattice), len(lattice) - 1
  values = lattice.ravel()
  x, y = x * np.float32(cells), y * np.float32(cells)
  column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
  right, down = x - column, y - row
  right, down = right**2 * (3 - 2 * right), down**2 * (3 - 2 * down)
  column, next_column = column & last, (column + 1) & last
  row, next_row = (row & last) * side, ((row + 1) & last) * side
  above = paint(values[row + column], values[row + next_column], right)
  below = paint(
    values[next_row + column], values[next_row + next_column], right
  )
  return paint(above, below, down)


def stamp_discs(
  size: int,
  *,
  x: np.ndarray,
  y: np.ndarray,
  radius: np.ndarray,
  weight: np.ndarray,
) -> np.ndarray:
  """Returns an image of small discs, `[size, size]` float32 in [0, 1].

  Where discs overlap, the image has the largest value. A disc thinner than a
  pixel becomes fainter instead. `x`, `y` and `radius` of the discs, and their
  values `weight` in [0, 1], are `[P]`.
  """
  canvas = np.zeros((size, size), np.float32)
  inside = (np.abs(x) < 1) & (np.abs(y) < 1) & (weight > 0)
  if not inside.any():
    return canvas
  # Each disc has a square of pixels of its own: the arrays are `[P, R, R]`.
  x, y, radius = (x + 1) * size / 2, (y + 1) * size / 2, radius * size / 2
  column, row, radius, weight = (
    values[inside, None, None] for values in (x - 0.5, y - 0.5, radius, weight)
  )
  reach = int(np.ceil(radius.max() + 0.5))
  steps = np.arange(-reach, reach + 1)
  columns = np.rint(column).astype(np.int32) + steps
  rows = np.rint(row).astype(np.int32) + steps[:, None]
  away = np.sqrt((columns - column) ** 2 + (rows - row) ** 2)
  ink = np.clip(radius + 0.5 - away, 0, 1) * (
    weight * np.minimum(1, 2 * radius)
  )
  columns, rows = np.broadcast_arrays(columns, rows)
  seen = (ink > 0) & (columns >= 0) & (columns < size)
  seen &= (rows >= 0) & (rows < size)
  np.maximum.at(
    canvas, (rows[seen], columns[seen]), ink[seen].astype(np.float32)
  )
  return canvas
