# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Draws the healthy tissues of a slice in Hounsfield units (HU).

Each function returns a changed copy of `image`, which is `[S, S]` float32 HU.
"""

import functools

import numpy as np

from input_pipeline.phantom import anatomy as anatomy_lib
from input_pipeline.phantom import geometry

AIR = -1000.0
_FAT = -105.0
_MUSCLE = 45.0
_BLOOD = 60.0
_BONE = 350.0
_MARROW = 130.0


def draw_wall(image: np.ndarray, section: anatomy_lib.Section) -> np.ndarray:
  """Returns the image with skin, fat, muscle, ribs and spine."""
  anatomy, pixel = section.anatomy, section.pixel
  image = geometry.fill(image, _FAT, section.body, pixel)
  skin = np.abs(section.body + np.float32(0.012)) - np.float32(0.006)
  image = geometry.fill(image, -20.0, skin, pixel)
  # The muscles of the back and of the shoulder blades are the thickest.
  back = np.clip(section.v / np.float32(anatomy.half_height), 0, 1) ** 2
  muscle = section.cavity - np.float32(anatomy.muscle) * (0.85 + back)
  muscle = np.maximum(muscle, section.body + 0.03)
  image = geometry.fill(image, _MUSCLE, muscle, 0.03)
  image = _draw_ribs(image, section)
  image = _draw_shoulder_blades(image, section)
  return _draw_spine(image, section)


def _draw_ribs(image, section) -> np.ndarray:
  """Returns the image with ribs and sternum."""
  u, v, anatomy, pixel = section.u, section.v, section.anatomy, section.pixel
  angle = np.arctan2(v, np.abs(u))
  # Ribs slope, so they move around the wall from slice to slice.
  turn = anatomy.rib_count * angle + anatomy.rib_phase + 25 * section.z
  band = np.abs(section.cavity - 0.035) - 0.018
  gaps = ((np.sin(turn) - 0.1) * 0.05).astype(np.float32)
  bars = geometry.smooth_overlap(band, gaps, rounding=0.03)
  image = geometry.fill(image, _BONE, bars, pixel)
  image = geometry.fill(image, _MARROW, bars + np.float32(0.014), pixel)
  _, half_height, center = section.rib_cage
  sternum = geometry.ellipse_distance(
    u, v, center=(0, center - half_height - 0.03), radii=(0.11, 0.03)
  )
  image = geometry.fill(image, _BONE, sternum, pixel)
  return geometry.fill(image, _MARROW, sternum + np.float32(0.013), pixel)


def _draw_shoulder_blades(image, section) -> np.ndarray:
  """Returns the image with two shoulder blades behind the upper lungs."""
  length = 0.2 * (1 - section.z / 0.55)
  if length <= 0.03:
    return image
  half_width, half_height, center = section.rib_cage
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
  return geometry.fill(image, _BONE, blade, section.pixel)


def _draw_spine(image, section) -> np.ndarray:
  """Returns the image with a vertebra: body, arch, processes and canal."""
  u, pixel = section.u, section.pixel
  _, half_height, center = section.rib_cage
  v = section.v - np.float32(center + 0.86 * half_height)
  ellipse = functools.partial(geometry.ellipse_distance, u, v)
  body = ellipse(center=(0, 0), radii=(0.105, 0.085))
  arch = geometry.smooth_union(
    geometry.capsule_distance(
      np.abs(u), v, start=(0.02, 0.1), end=(0.17, 0.13), radius=0.022
    ),
    geometry.capsule_distance(
      u, v, start=(0, 0.13), end=(0.0, 0.23), radius=0.02
    ),
    ellipse(center=(0, 0.1), radii=(0.075, 0.065)),
    rounding=0.02,
  )
  arch = np.maximum(arch, section.body + np.float32(0.05))
  image = geometry.fill(image, _BONE, np.minimum(arch, body), pixel)
  image = geometry.fill(image, _MARROW, body + np.float32(0.018), pixel)
  canal = ellipse(center=(0, 0.112), radii=(0.04, 0.032))
  return geometry.fill(image, 20.0, canal, pixel)


def draw_chest(
  image: np.ndarray, section: anatomy_lib.Section, *, lattice: np.ndarray
) -> np.ndarray:
  """Returns the image with heart, large vessels and fat between the lungs.

  `lattice` is the noise of the patient; see `geometry.lattice_noise`.
  """
  u, v, pixel = section.u, section.v, section.pixel
  patches = geometry.lattice_noise(
    lattice, u + np.float32(0.7 * section.z), v, cells=5
  )
  # Fat fills the gaps between organs; here it lies where the noise is high.
  fat = np.clip(2.5 * patches - 1.1, 0, 1)
  soft = (_BLOOD + (_FAT - _BLOOD) * fat).astype(np.float32)
  inside = geometry.coverage(section.cavity - 0.005, 2 * pixel)
  # Leaves out the spine, which is drawn already.
  _, half_height, center = section.rib_cage
  spine = np.float32(center + 0.86 * half_height - 0.11)
  front = geometry.coverage(v - spine, 0.03)
  image = geometry.paint(image, soft, inside * front)
  aorta = geometry.ellipse_distance(
    u, v, center=(0.1, center + 0.4 * half_height), radii=(0.05, 0.05)
  )
  return geometry.fill(image, _BLOOD + 20, aorta, pixel)


def draw_airways(image: np.ndarray, section: anatomy_lib.Section) -> np.ndarray:
  """Returns the image with the windpipe, or with the two main bronchi."""
  _, half_height, center = section.rib_cage
  fork = 0.45
  spread = min(max((section.z - fork) * 1.6, 0.0), 0.2)
  radius = 0.055 if spread == 0 else max(0.018, 0.05 - 0.13 * spread)
  distance = geometry.ellipse_distance(
    np.abs(section.u),
    section.v,
    center=(spread, center + (0.08 + 0.2 * spread) * half_height),
    radii=(radius * (1 + 2 * min(spread, 0.1)), radius),
  )
  wall = distance - np.float32(0.016)
  walled = geometry.fill(image, 0.0, wall, section.pixel)
  image = np.maximum(image, walled)
  return geometry.fill(image, AIR, distance, section.pixel)
