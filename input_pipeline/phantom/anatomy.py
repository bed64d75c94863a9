# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The body of a phantom patient, through which slices are cut.

The coordinates of the body are u to the right of the image (the patient's left)
and v down (the patient's back), in half image sides, and z from 0 at the apex
of the lungs to 1 below their base.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from input_pipeline.phantom import geometry

# Height of the lungs, z = 0 to 1, in half image sides.
LUNG_HEIGHT = 1.5
# The largest number of slices of `Anatomy.slice_z`, so that the last one lies
# above the belly.
MAX_SLICES = 6
# Rounding of the corners between lungs, heart, spine and front wall.
_ROUNDING = 0.08


def _between(low: float, high: float):
  return dataclasses.field(metadata={'range': (low, high)})


@dataclasses.dataclass(frozen=True)
class Anatomy:
  """The measures of a body. Each field has the range it is drawn from.

  Lengths are in half image sides.
  """

  # Center of the body in the image, and its rotation in radians.
  center_x: float = _between(-0.05, 0.05)
  center_y: float = _between(-0.14, 0.02)
  tilt: float = _between(-0.09, 0.09)
  # Half the width of the body, and its height divided by its width.
  half_width: float = _between(0.72, 0.92)
  aspect: float = _between(0.64, 0.78)
  # Exponent of the outline: 2 is an ellipse, a larger one is squarer.
  squareness: float = _between(2.1, 2.7)
  # Bulges of the front and groove of the back, as shares of the radius.
  chest: float = _between(-0.02, 0.11)
  groove: float = _between(0.01, 0.06)
  # Thickness of fat, and of muscle and ribs.
  fat: float = _between(0.02, 0.10)
  muscle: float = _between(0.06, 0.10)
  # How fast the lungs widen below the apex, and how much wider the one on the
  # right of the image is.
  apex: float = _between(3.0, 5.0)
  lopsided: float = _between(-0.05, 0.05)
  # Size of the heart, and its shift to the patient's left.
  heart: float = _between(0.8, 1.05)
  heart_shift: float = _between(0.08, 0.16)
  # z at which the dome of the liver appears.
  liver: float = _between(0.6, 0.95)
  # Where the ribs are cut, in radians, and how many of them.
  rib_phase: float = _between(0.0, 6.28)
  rib_count: float = _between(9.0, 13.0)
  # z of the first slice, and the distance of slices in z.
  scan_start: float = _between(0.2, 0.42)
  scan_step: float = _between(0.03, 0.065)

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


class Section(NamedTuple):
  """A slice through a body.

  Attributes:
    u: `[S, S]` float32, u of each pixel.
    v: `[S, S]` float32, v of each pixel.
    pixel: side of a pixel in half image sides.
    z: z of the slice.
    body: `[S, S]` float32, signed distance to the skin.
    cavity: `[S, S]` float32, signed distance to the wall of the rib cage.
    lungs: `[S, S]` float32, signed distance to the outline of the lungs.
  """

  u: np.ndarray
  v: np.ndarray
  pixel: float
  z: float
  body: np.ndarray
  cavity: np.ndarray
  lungs: np.ndarray


def sample_anatomy(rng: np.random.Generator) -> Anatomy:
  """Returns a body whose measures are drawn uniformly from their ranges."""
  fields = dataclasses.fields(Anatomy)
  return Anatomy(*(rng.uniform(*field.metadata['range']) for field in fields))


def to_image(
  anatomy: Anatomy, u: np.ndarray, v: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns x and y in the image of points given by their u and v."""
  x, y = geometry.rotate(u, v, -anatomy.tilt)
  return x + anatomy.center_x, y + anatomy.center_y


def cavity_at(anatomy: Anatomy, z: float) -> tuple[float, float, float]:
  """Returns half width, half height and the center's v of the rib cage at z."""
  widening = math.sqrt(1 - max(0.0, 1 - 1.1 * z) ** anatomy.apex)
  wall = anatomy.fat + anatomy.muscle
  front, back = 0.5 * anatomy.fat + 0.06, anatomy.fat + anatomy.muscle
  half_height = anatomy.half_height - (front + back) / 2
  return (
    (anatomy.half_width - wall) * widening,
    half_height * (0.25 + 0.75 * widening),
    (front - back) / 2,
  )


def cut(anatomy: Anatomy, z: float, size: int) -> Section:
  """Returns the slice through a body at z, with `size` pixels per side."""
  x, y = geometry.pixel_grid(size)
  u, v = geometry.rotate(
    x - np.float32(anatomy.center_x),
    y - np.float32(anatomy.center_y),
    anatomy.tilt,
  )
  half_width, half_height, center = cavity_at(anatomy, z)
  side = np.sign(u) * np.float32(anatomy.lopsided)
  cavity = _superellipse(
    u / (1 + side),
    v - np.float32(center),
    radii=(half_width, half_height),
    exponent=2.3,
  )
  organs = _mediastinum(anatomy, z, u, v)
  lungs = geometry.smooth_overlap(cavity, -organs, _ROUNDING)
  return Section(
    u=u,
    v=v,
    pixel=2 / size,
    z=z,
    body=_body(anatomy, u, v),
    cavity=cavity,
    lungs=lungs,
  )


def _superellipse(
  u: np.ndarray,
  v: np.ndarray,
  *,
  radii: tuple[float, float],
  exponent: float,
  bulge=1.0,
) -> np.ndarray:
  """Returns the distance to a superellipse, measured from the origin outwards.

  Args:
    u: coordinate of each pixel.
    v: coordinate of each pixel.
    radii: half width and half height.
    exponent: 2 for an ellipse; a larger one is squarer.
    bulge: factor of the radius, in all or for each pixel.
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
  _, height, center = cavity_at(anatomy, z)
  v = v - np.float32(center)
  low = min(max((z - 0.3) / 0.4, 0.0), 1.0)
  heart = anatomy.heart * (0.25 + 0.3 * low)
  shapes = (
    # The front and back folds of the pleura.
    geometry.capsule_distance(
      u, v, start=(0, -height), end=(0, height), radius=0.025
    ),
    # Great vessels above, root of the heart below.
    geometry.ellipse_distance(
      u, v, center=(0.01, -0.18 * height), radii=(0.12, 0.42 * height)
    ),
    geometry.ellipse_distance(
      u,
      v,
      center=(anatomy.heart_shift * (0.2 + low), -0.3 * height),
      radii=(0.62 * heart, 0.5 * heart),
      angle=0.5,
    ),
    # The descending aorta.
    geometry.ellipse_distance(
      u, v, center=(0.1, 0.4 * height), radii=(0.055, 0.055)
    ),
    # The spine with the muscles beside it.
    geometry.ellipse_distance(
      u, v, center=(0, 0.88 * height), radii=(0.15, 0.2)
    ),
  )
  organs = shapes[0]
  for shape in shapes[1:]:
    organs = geometry.smooth_union(organs, shape, _ROUNDING)
  return geometry.smooth_union(organs, _liver(anatomy, z, u, v), _ROUNDING)


def _liver(
  anatomy: Anatomy, z: float, u: np.ndarray, v: np.ndarray
) -> np.ndarray:
  """Returns the distance to the liver; v is 0 at the center of the rib cage."""
  if z <= anatomy.liver:
    return np.full_like(u, 10.0)  # Farther away than any pixel.
  dome = math.sqrt(z - anatomy.liver)
  width, height, _ = cavity_at(anatomy, z)
  return geometry.ellipse_distance(
    u,
    v,
    center=(-0.45 * width, -0.15 * height),
    radii=(0.8 * dome * width, 1.1 * dome * height),
  )
