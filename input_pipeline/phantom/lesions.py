# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The lesions of the classes: consolidations (CP) and ground glass (NCP).

A lesion is an ellipsoid with an uneven outline. Its place is given in polar
coordinates of the rib cage, so that it follows the lungs as they widen from
slice to slice.
"""

import dataclasses
import math

import numpy as np

from input_pipeline.phantom import anatomy as anatomy_lib
from input_pipeline.phantom import geometry
from input_pipeline.phantom import vessels


@dataclasses.dataclass(frozen=True)
class Lesion:
  """One lesion. Lengths are in half image sides.

  Attributes:
    side: -1 for the left half of the image, 1 for the right.
    angle: angle below the horizontal, in radians.
    reach: distance from the center as a share of that of the pleura.
    depth: radius across the pleura.
    length: radius along the pleura.
    z: z of the largest section.
    extent: half the extent in z.
    warp: amplitude of the unevenness of the outline.
    border: width of the soft border.
    density: HU inside.
    ground_glass: whether vessels show through. A consolidation hides them, but
      its bronchi keep their air.
  """

  side: int
  angle: float
  reach: float
  depth: float
  length: float
  z: float
  extent: float
  warp: float
  border: float
  density: float
  ground_glass: bool


def sample_lesions(
  rng: np.random.Generator, label: str, *, middle: float, lung_density: float
) -> tuple[Lesion, ...]:
  """Returns the lesions of one patient of a class.

  The first of a CP patient and the first two of an NCP patient reach through
  the whole scan, whose middle has the z `middle`.
  """
  if label == 'CP':
    # Alveoli full of fluid have the same density in all lungs.
    return _pneumonia(rng, middle)
  return _covid(rng, middle, lung_density) if label == 'NCP' else ()


def _pneumonia(rng, middle) -> tuple[Lesion, ...]:
  """Returns two to four consolidations, mostly of one lung."""
  side = int(rng.choice((-1, 1)))
  density = rng.uniform(-90, 20)
  first = Lesion(
    side=side,
    angle=rng.uniform(-0.5, 0.8),
    reach=rng.uniform(0.58, 0.70),
    depth=rng.uniform(0.15, 0.20),
    length=rng.uniform(0.18, 0.26),
    z=middle + rng.uniform(-0.05, 0.05),
    extent=rng.uniform(0.45, 0.7),
    warp=rng.uniform(0.4, 0.7),
    border=rng.uniform(0.03, 0.07),
    density=density,
    ground_glass=False,
  )
  others = (
    dataclasses.replace(
      first,
      side=side if rng.random() < 0.8 else -side,
      angle=rng.uniform(-0.9, 1.0),
      reach=rng.uniform(0.45, 0.75),
      depth=rng.uniform(0.06, 0.10),
      length=rng.uniform(0.07, 0.12),
      z=middle + rng.uniform(-0.2, 0.2),
      extent=rng.uniform(0.15, 0.35),
    )
    for _ in range(int(rng.integers(1, 4)))
  )
  return (first, *others)


def _covid(rng, middle, lung_density) -> tuple[Lesion, ...]:
  """Returns four to seven patches below the pleura of both lungs."""
  density = min(lung_density + rng.uniform(280, 420), -380)
  lesions = []
  for number in range(int(rng.integers(4, 8))):
    # One on each side reaches through the whole scan, the others do not.
    lasting = number < 2
    lesions.append(
      Lesion(
        side=(-1, 1)[number % 2],
        # Most lie low in the image, where the disease starts.
        angle=rng.uniform(0.2, 0.95)
        if lasting or rng.random() < 0.4
        else rng.uniform(-0.7, 0.7),
        reach=rng.uniform(0.86, 0.98),
        depth=rng.uniform(0.10, 0.15) * (1.0 if lasting else 0.85),
        length=rng.uniform(0.17, 0.28) * (1.0 if lasting else 0.7),
        z=middle + rng.uniform(-1, 1) * (0.05 if lasting else 0.2),
        extent=rng.uniform(0.45, 0.7) * (1.0 if lasting else 0.35),
        warp=rng.uniform(0.5, 1.0),
        border=rng.uniform(0.04, 0.08),
        density=density + rng.uniform(-40, 60),
        ground_glass=True,
      )
    )
  return tuple(lesions)


def _place(
  lesion: Lesion, rib_cage: anatomy_lib.RibCage
) -> tuple[float, float, float]:
  """Returns u, v and the direction to the pleura, in radians."""
  half_width, half_height, center = rib_cage
  u = lesion.side * half_width * lesion.reach * math.cos(lesion.angle)
  v = half_height * lesion.reach * math.sin(lesion.angle)
  # The normal of the ellipse through the point.
  outward = math.atan2(v / half_height**2, u / half_width**2)
  return u, v + center, outward


def lesion_weight(
  lesion: Lesion, section: anatomy_lib.Section, *, outline: np.ndarray
) -> np.ndarray:
  """Returns the share of the lesion in each pixel, `[S, S]` float32 in [0, 1].

  It is 0 outside of the lungs. `outline` is `[S, S]` smooth noise that warps
  the outline.
  """
  share = 1 - ((section.z - lesion.z) / lesion.extent) ** 2
  if share <= 0:
    return np.zeros_like(section.u)
  u, v, outward = _place(lesion, section.rib_cage)
  scale = math.sqrt(share)
  distance = geometry.ellipse_distance(
    section.u,
    section.v,
    center=(u, v),
    radii=(lesion.depth * scale, lesion.length * scale),
    angle=outward,
  )
  distance = distance + outline * np.float32(lesion.warp * lesion.depth * 0.5)
  inside = geometry.coverage(section.lungs, section.pixel)
  return geometry.coverage(distance, lesion.border) * inside


def grow_bronchi(
  rng: np.random.Generator, lesion: Lesion, anatomy: anatomy_lib.Anatomy
) -> vessels.Tree:
  """Returns the air-filled bronchi of a consolidation, all at the same z."""
  u, v, outward = _place(lesion, anatomy.rib_cage(lesion.z))
  across = rng.uniform(-0.6, 1.0, 8) * lesion.depth
  # Spread evenly, so that no large part of the lesion is without bronchi.
  along = np.linspace(-0.85, 0.85, 8) + rng.uniform(-0.15, 0.15, 8)
  along = along * lesion.length
  cos, sin = np.cos(outward), np.sin(outward)
  targets = np.stack(
    (
      u + across * cos - along * sin,
      v + across * sin + along * cos,
      np.zeros(8),
    ),
    axis=1,
  )
  inward = 1.2 * lesion.depth
  root = np.array((u - inward * cos, v - inward * sin, 0.0))
  return vessels.grow_tree(rng, targets, root=root, radius=0.013)
