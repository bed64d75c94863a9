# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Draws the healthy tissues of a slice in Hounsfield units (HU).

Each function returns a changed copy of `image`, which is `[S, S]` float32 HU.
"""

import numpy as np

from input_pipeline.phantom import anatomy as anatomy_lib
from input_pipeline.phantom import geometry

AIR = -1000.0
_FAT = -105.0
_MUSCLE = 45.0
_BLOOD = 60.0
_BONE = 350.0
_MARROW = 130.0


def draw_wall(
  image: np.ndarray,
  section: anatomy_lib.Section,
  *,
  anatomy: anatomy_lib.Anatomy,
) -> np.ndarray:
  """Returns the image with skin, fat, muscle, ribs and spine.

  Args:
    image: `[S, S]` float32 HU.
    section: the slice.
    anatomy: the body that it was cut from.
  """
  v, pixel = section.v, section.pixel
  image = geometry.paint(image, _FAT, geometry.coverage(section.body, pixel))
  skin = np.abs(section.body + np.float32(0.012)) - np.float32(0.006)
  image = geometry.paint(image, -20.0, geometry.coverage(skin, pixel))
  # The muscles of the back and of the shoulder blades are the thickest.
  back = np.clip(v / np.float32(anatomy.half_height), 0, 1) ** 2
  muscle = section.cavity - np.float32(anatomy.muscle) * (0.85 + back)
  muscle = np.maximum(muscle, section.body + 0.03)
  image = geometry.paint(image, _MUSCLE, geometry.coverage(muscle, 0.03))
  image = _draw_ribs(image, section, anatomy=anatomy)
  image = _draw_shoulder_blades(image, section, anatomy=anatomy)
  return _draw_spine(image, section, anatomy=anatomy)


def _draw_ribs(image, section, *, anatomy) -> np.ndarray:
  """Returns the image with ribs and sternum."""
  u, v, pixel = section.u, section.v, section.pixel
  angle = np.arctan2(v, np.abs(u))
  # Ribs slope, so they move around the wall from slice to slice.
  turn = anatomy.rib_count * angle + anatomy.rib_phase + 25 * section.z
  band = np.abs(section.cavity - 0.035) - 0.018
  gaps = (np.sin(turn) - 0.1) * 0.05
  bars = geometry.smooth_overlap(band, gaps.astype(np.float32), 0.03)
  image = geometry.paint(image, _BONE, geometry.coverage(bars, pixel))
  marrow = geometry.coverage(bars + np.float32(0.014), pixel)
  image = geometry.paint(image, _MARROW, marrow)
  half_height, center = anatomy_lib.cavity_at(anatomy, section.z)[1:]
  sternum = geometry.ellipse_distance(
    u, v, center=(0, center - half_height - 0.03), radii=(0.11, 0.03)
  )
  image = geometry.paint(image, _BONE, geometry.coverage(sternum, pixel))
  inside = geometry.coverage(sternum + np.float32(0.013), pixel)
  return geometry.paint(image, _MARROW, inside)


def _draw_shoulder_blades(image, section, *, anatomy) -> np.ndarray:
  """Returns the image with two shoulder blades behind the upper lungs."""
  length = 0.2 * (1 - section.z / 0.55)
  if length <= 0.03:
    return image
  half_width, half_height, center = anatomy_lib.cavity_at(anatomy, section.z)
  middle_u, middle_v = 0.72 * half_width, center + 0.82 * half_height + 0.075
  blade = geometry.capsule_distance(
    np.abs(section.u),
    section.v,
    start=(middle_u - length, middle_v + 0.35 * length),
    end=(middle_u + length, middle_v - 0.6 * length),
    radius=0.013,
  )
  blade = np.maximum(blade, section.body + np.float32(0.04))
  blade = np.maximum(blade, np.float32(0.02) - section.cavity)
  return geometry.paint(image, _BONE, geometry.coverage(blade, section.pixel))


def _draw_spine(image, section, *, anatomy) -> np.ndarray:
  """Returns the image with a vertebra: body, arch, processes and canal."""
  u, v, pixel = section.u, section.v, section.pixel
  half_height, center = anatomy_lib.cavity_at(anatomy, section.z)[1:]
  v = v - np.float32(center + 0.86 * half_height)
  width = np.abs(u)
  shapes = (
    geometry.capsule_distance(
      width, v, start=(0.02, 0.1), end=(0.17, 0.13), radius=0.022
    ),
    geometry.capsule_distance(
      u, v, start=(0, 0.13), end=(0.0, 0.23), radius=0.02
    ),
    geometry.ellipse_distance(u, v, center=(0, 0.1), radii=(0.075, 0.065)),
  )
  body = geometry.ellipse_distance(u, v, center=(0, 0), radii=(0.105, 0.085))
  arch = shapes[0]
  for shape in shapes[1:]:
    arch = geometry.smooth_union(arch, shape, 0.02)
  arch = np.maximum(arch, section.body + np.float32(0.05))
  bone = np.minimum(arch, body)
  image = geometry.paint(image, _BONE, geometry.coverage(bone, pixel))
  marrow = geometry.coverage(body + np.float32(0.018), pixel)
  image = geometry.paint(image, _MARROW, marrow)
  canal = geometry.ellipse_distance(
    u, v, center=(0, 0.112), radii=(0.04, 0.032)
  )
  return geometry.paint(image, 20.0, geometry.coverage(canal, pixel))


def draw_chest(
  image: np.ndarray,
  section: anatomy_lib.Section,
  *,
  anatomy: anatomy_lib.Anatomy,
  lattice: np.ndarray,
) -> np.ndarray:
  """Returns the image with heart, large vessels and fat between the lungs.

  Args:
    image: `[S, S]` float32 HU.
    section: the slice.
    anatomy: the body that it was cut from.
    lattice: noise of the patient; see `geometry.lattice_noise`.
  """
  u, v = section.u, section.v
  patches = geometry.lattice_noise(
    lattice, u + np.float32(0.7 * section.z), v, cells=5
  )
  # Fat fills the gaps between organs; here it lies where the noise is high.
  fat = np.clip(2.5 * patches - 1.1, 0, 1)
  soft = _BLOOD + (_FAT - _BLOOD) * fat
  inside = geometry.coverage(section.cavity - 0.005, 2 * section.pixel)
  # Leaves out the spine, which is drawn already.
  half_height, center = anatomy_lib.cavity_at(anatomy, section.z)[1:]
  front = geometry.coverage(
    v - np.float32(center + 0.86 * half_height - 0.11), 0.03
  )
  image = geometry.paint(image, soft.astype(np.float32), inside * front)
  aorta = geometry.ellipse_distance(
    u, v, center=(0.1, center + 0.4 * half_height), radii=(0.05, 0.05)
  )
  return geometry.paint(
    image, _BLOOD + 20, geometry.coverage(aorta, section.pixel)
  )


def draw_airways(
  image: np.ndarray,
  section: anatomy_lib.Section,
  anatomy: anatomy_lib.Anatomy,
) -> np.ndarray:
  """Returns the image with the windpipe, or with the two main bronchi."""
  _, half_height, center = anatomy_lib.cavity_at(anatomy, section.z)
  fork = 0.45
  spread = min(max((section.z - fork) * 1.6, 0.0), 0.2)
  radius = 0.055 if spread == 0 else max(0.018, 0.05 - 0.13 * spread)
  distance = geometry.ellipse_distance(
    np.abs(section.u),
    section.v,
    center=(spread, center + (0.08 + 0.2 * spread) * half_height),
    radii=(radius * (1 + 2 * min(spread, 0.1)), radius),
  )
  wall = geometry.coverage(distance - np.float32(0.016), section.pixel)
  image = np.maximum(image, geometry.paint(image, 0.0, wall))
  return geometry.paint(image, AIR, geometry.coverage(distance, section.pixel))
