# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The body of a phantom patient, through which slices are cut.

The coordinates of the body are u to the right of the image (the patient's left)
and v down (the patient's back), in half image sides as all lengths, and z from
0 at the apex of the lungs to 1 below their base.
"""

import dataclasses
import functools
import math
from typing import Any, NamedTuple

import numpy as np

from input_pipeline.phantom import geometry

# Height of the lungs, z = 0 to 1, in half image sides.
LUNG_HEIGHT = 1.5
# The largest number of slices of `Anatomy.slice_z`, so that the last one lies
# above the belly.
MAX_SLICES = 6
# Rounding of the corners between lungs, heart, spine and front wall.
_ROUNDING = 0.08


def between(low: float, high: float):
  """Returns a field of a dataclass that `sample` draws from a range."""
  return dataclasses.field(
    metadata={'sample': lambda rng: rng.uniform(low, high)}
  )


def sample(kind: type, rng: np.random.Generator) -> Any:
  """Returns a `kind` whose fields are drawn in their order; see `between`."""
  return kind(*(x.metadata['sample'](rng) for x in dataclasses.fields(kind)))


class RibCage(NamedTuple):
  """The inside of the rib cage in a slice; `center` is its middle's v."""

  half_width: float
  half_height: float
  center: float


@dataclasses.dataclass(frozen=True)
class Anatomy:
  """The measures of a body, and the ranges from which they are drawn."""

  # Center of the body in the image, and its rotation in radians.
  center_x: float = between(-0.05, 0.05)
  center_y: float = between(-0.14, 0.02)
  tilt: float = between(-0.09, 0.09)
  # Half the width of the body, and its height divided by its width.
  half_width: float = between(0.72, 0.92)
  aspect: float = between(0.64, 0.78)
  # Exponent of the outline: 2 is an ellipse, a larger one is squarer.
  squareness: float = between(2.1, 2.7)
  # Bulges of the front and groove of the back, as shares of the radius.
  chest: float = between(-0.02, 0.11)
  groove: float = between(0.01, 0.06)
  # Thickness of fat, and of muscle and ribs.
  fat: float = between(0.02, 0.10)
  muscle: float = between(0.06, 0.10)
  # How fast the lungs widen below the apex, and how much wider the one on the
  # right of the image is.
  apex: float = between(3.0, 5.0)
  lopsided: float = between(-0.05, 0.05)
  # Size of the heart, and its shift to the patient's left.
  heart: float = between(0.8, 1.05)
  heart_shift: float = between(0.08, 0.16)
  # z at which the dome of the liver appears.
  liver: float = between(0.6, 0.95)
  # Where the ribs are cut, in radians, and how many of them.
  rib_phase: float = between(0.0, 6.28)
  rib_count: float = between(9.0, 13.0)
  # z of the first slice, and the distance of slices in z.
  scan_start: float = between(0.2, 0.42)
  scan_step: float = between(0.03, 0.065)

  @property
  def half_height(self) -> float:
    """Half the height of the body."""
    return self.half_width * self.aspect

  @property
  def scan_middle(self) -> float:
    """The z in the middle of `MAX_SLICES` slices."""
    return self.slice_z((MAX_SLICES - 1) / 2)

  def slice_z(self, number: float) -> float:
    """Returns the z of a slice."""
    return self.scan_start + number * self.scan_step

  def rib_cage(self, z: float) -> RibCage:
    """Returns the rib cage at z."""
    widening = math.sqrt(1 - max(0.0, 1 - 1.1 * z) ** self.apex)
    wall = self.fat + self.muscle
    front = 0.5 * self.fat + 0.06
    half_height = self.half_height - (front + wall) / 2
    return RibCage(
      (self.half_width - wall) * widening,
      half_height * (0.25 + 0.75 * widening),
      (front - wall) / 2,
    )

  def to_image(
    self, u: np.ndarray, v: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """Returns x and y in the image of points given by their u and v."""
    x, y = geometry.rotate(u, v, -self.tilt)
    return x + self.center_x, y + self.center_y


class Section(NamedTuple):
  """A slice through a body.

  `u` and `v` are those of each pixel. `body`, `cavity` and `lungs` are signed
  distances to the skin, to the wall of the rib cage, and to the outline of the
  lungs. All are `[S, S]` float32. `pixel` is the side of a pixel.
  """

  anatomy: Anatomy
  z: float
  rib_cage: RibCage
  pixel: float
  u: np.ndarray
  v: np.ndarray
  body: np.ndarray
  cavity: np.ndarray
  lungs: np.ndarray


def cut(anatomy: Anatomy, z: float, size: int) -> Section:
  """Returns the slice through a body at z, with `size` pixels per side."""
  x, y = geometry.pixel_grid(size)
  u, v = geometry.rotate(
    x - np.float32(anatomy.center_x),
    y - np.float32(anatomy.center_y),
    anatomy.tilt,
  )
  rib_cage = anatomy.rib_cage(z)
  side = np.sign(u) * np.float32(anatomy.lopsided)
  cavity = _superellipse(
    u / (1 + side),
    v - np.float32(rib_cage.center),
    radii=(rib_cage.half_width, rib_cage.half_height),
    exponent=2.3,
  )
  organs = _mediastinum(anatomy, z, u, v)
  lungs = geometry.smooth_overlap(cavity, -organs, rounding=_ROUNDING)
  body = _body(anatomy, u, v)
  return Section(anatomy, z, rib_cage, 2 / size, u, v, body, cavity, lungs)


def _superellipse(
  u: np.ndarray,
  v: np.ndarray,
  *,
  radii: tuple[float, float],
  exponent: float,
  bulge=1.0,
) -> np.ndarray:
  """Returns the distance to a superellipse, measured from the origin outwards.

  The radius is multiplied by `bulge`, in all or for each pixel.
  """
  level = np.abs(u / np.float32(radii[0])) ** np.float32(exponent)
  level += np.abs(v / np.float32(radii[1])) ** np.float32(exponent)
  level = np.maximum(level ** np.float32(1 / exponent), np.float32(1e-3))
  return np.sqrt(u**2 + v**2) * (1 - bulge / level)


def _body(anatomy: Anatomy, u: np.ndarray, v: np.ndarray) -> np.ndarray:
  """Returns the distance to the skin."""
  angle = np.arctan2(v, np.abs(u))
  breasts = np.exp(-(((angle + 0.85) / 0.38) ** 2))
  groove = np.exp(-(((angle - np.pi / 2) / 0.16) ** 2))
  bulge = 1 + anatomy.chest * breasts - anatomy.groove * groove
  radii = (anatomy.half_width, anatomy.half_height)
  return _superellipse(
    u, v, radii=radii, exponent=anatomy.squareness, bulge=bulge
  )


def _mediastinum(
  anatomy: Anatomy, z: float, u: np.ndarray, v: np.ndarray
) -> np.ndarray:
  """Returns the distance to the organs between the lungs, and to the liver."""
  _, height, center = anatomy.rib_cage(z)
  v = v - np.float32(center)
  low = min(max((z - 0.3) / 0.4, 0.0), 1.0)
  heart = anatomy.heart * (0.25 + 0.3 * low)
  ellipse = functools.partial(geometry.ellipse_distance, u, v)
  return geometry.smooth_union(
    # The front and back folds of the pleura.
    geometry.capsule_distance(
      u, v, start=(0, -height), end=(0, height), radius=0.025
    ),
    # Great vessels above, root of the heart below.
    ellipse(center=(0.01, -0.18 * height), radii=(0.12, 0.42 * height)),
    ellipse(
      center=(anatomy.heart_shift * (0.2 + low), -0.3 * height),
      radii=(0.62 * heart, 0.5 * heart),
      angle=0.5,
    ),
    # The descending aorta.
    ellipse(center=(0.1, 0.4 * height), radii=(0.055, 0.055)),
    # The spine with the muscles beside it.
    ellipse(center=(0, 0.88 * height), radii=(0.15, 0.2)),
    _liver(anatomy, z, u, v),
    rounding=_ROUNDING,
  )


def _liver(
  anatomy: Anatomy, z: float, u: np.ndarray, v: np.ndarray
) -> np.ndarray:
  """Returns the distance to the liver; v is 0 at the center of the rib cage."""
  if z <= anatomy.liver:
    return np.full_like(u, 10.0)  # Farther away than any pixel.
  dome = math.sqrt(z - anatomy.liver)
  width, height, _ = anatomy.rib_cage(z)
  return geometry.ellipse_distance(
    u,
    v,
    center=(-0.45 * width, -0.15 * height),
    radii=(0.8 * dome * width, 1.1 * dome * height),
  )
