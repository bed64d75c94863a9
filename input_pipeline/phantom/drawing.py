# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Draws the slices of a phantom patient.

    patient = sample_patient(seed=0, split='train', label='NCP', number=7)
    drawn = draw_slice(patient, 3, size=128)  # drawn.image: [128, 128] uint8

A slice depends on nothing but these arguments.
"""

from collections.abc import Iterator
import dataclasses
from typing import NamedTuple

import numpy as np

from input_pipeline import conventions
from input_pipeline.phantom import anatomy as anatomy_lib
from input_pipeline.phantom import geometry
from input_pipeline.phantom import lesions as lesions_lib
from input_pipeline.phantom import scanner as scanner_lib
from input_pipeline.phantom import tissue
from input_pipeline.phantom import vessels

LABELS = conventions.COVIDX_CT
MAX_SLICES = anatomy_lib.MAX_SLICES
# z of the first and last slice of a whole scan.
_SCAN_RANGE = (0.02, 0.95)
# Thickness of a slice in half image sides, about 1/50 of the lungs' height.
_THICKNESS = 0.028
# HU of vessels, and of the air in bronchi together with some of their walls.
_VESSEL = 20.0
_BRONCHUS = -780.0


@dataclasses.dataclass(frozen=True)
class Patient:
  """What the slices of one patient have in common.

  Attributes:
    key: integers that identify the patient; they seed all noise.
    anatomy: the body.
    scanner: how the patient was scanned.
    lesions: the lesions.
    bronchi: of each lesion. Ground glass does not show them.
    vessels: of both lungs.
    lung_density: HU of the lungs.
    gravity: by how many HU the lungs get denser from front to back.
    lattice: `[16, 16]` float32 noise for outlines and textures.
  """

  key: tuple[int, ...]
  anatomy: anatomy_lib.Anatomy
  scanner: scanner_lib.Scanner
  lesions: tuple[lesions_lib.Lesion, ...]
  bronchi: tuple[vessels.Tree, ...]
  vessels: vessels.Tree
  lung_density: float
  gravity: float
  lattice: np.ndarray


def sample_patient(
  *, seed: int, split: str, label: str, number: int
) -> Patient:
  """Returns a patient, always the same one for the same arguments.

  Args:
    seed: of the data set.
    split: one of `conventions.SPLITS`.
    label: one of `LABELS`.
    number: of the patient in its split and class.
  """
  key = (seed, conventions.SPLITS.index(split), LABELS.index(label), number)
  rng = np.random.default_rng((*key, 0, 0))
  anatomy = anatomy_lib.sample(anatomy_lib.Anatomy, rng)
  scanner = anatomy_lib.sample(scanner_lib.Scanner, rng)
  # A wide range, as the density depends on how deep a patient breathes in. The
  # mean gray value must not reveal the class.
  density = rng.uniform(-890, -740)
  lesions = lesions_lib.sample_lesions(
    rng, label, middle=anatomy.scan_middle, lung_density=density
  )
  return Patient(
    key=key,
    anatomy=anatomy,
    scanner=scanner,
    lesions=lesions,
    bronchi=tuple(lesions_lib.grow_bronchi(rng, x, anatomy) for x in lesions),
    vessels=_grow_vessels(rng, anatomy),
    lung_density=density,
    gravity=rng.uniform(10, 90),
    lattice=rng.standard_normal((16, 16), np.float32),
  )


def _grow_vessels(rng, anatomy: anatomy_lib.Anatomy) -> vessels.Tree:
  """Returns the vessels of both lungs, z in half image sides."""
  width, height, center = anatomy.rib_cage(0.6)
  depth = anatomy_lib.LUNG_HEIGHT
  radius = rng.uniform(0.026, 0.036)
  trees = []
  for side in (-1, 1):
    targets = rng.uniform(-1, 1, (1024, 3))
    targets = targets[np.linalg.norm(targets, axis=1) < 1][:256]
    targets *= (0.48 * width, 0.95 * height, 0.6 * depth)
    targets += (side * 0.52 * width, center, 0.5 * depth)
    root = np.array((side * 0.13, center, 0.47 * depth))
    trees.append(vessels.grow_tree(rng, targets, root=root, radius=radius))
  return vessels.join(*trees)


class DrawnSlice(NamedTuple):
  """A slice and what it shows.

  `image` is `[S, S]` uint8, `box` the `bounding_box` of the body. The others
  are `[S, S]` bool, the pixels of the body, the lungs and the lesions.
  """

  image: np.ndarray
  box: np.ndarray
  body: np.ndarray
  lungs: np.ndarray
  lesions: np.ndarray


def draw_slice(patient: Patient, number: int, *, size: int) -> DrawnSlice:
  """Returns a slice of a patient, with `size` pixels per side.

  Raises:
    ValueError: there is no such slice.
  """
  if not 0 <= number < MAX_SLICES:
    raise ValueError(
      f'There is no slice {number}: a scan has slices 0 to {MAX_SLICES - 1}.'
    )
  rng = np.random.default_rng((*patient.key, 1, number))
  return _draw(patient, patient.anatomy.slice_z(number), rng=rng, size=size)


def draw_scan(
  patient: Patient, count: int, *, size: int
) -> Iterator[DrawnSlice]:
  """Yields the slices of a whole scan, from the top of the lungs to the belly.

  They lie at equal distances, and not all of them show a lesion. `draw_slice`
  draws a few from the middle instead.
  """
  for number, z in enumerate(np.linspace(*_SCAN_RANGE, count)):
    rng = np.random.default_rng((*patient.key, 2, number))
    yield _draw(patient, float(z), rng=rng, size=size)


def _draw(
  patient: Patient, z: float, *, rng: np.random.Generator, size: int
) -> DrawnSlice:
  anatomy, scanner = patient.anatomy, patient.scanner
  section = anatomy_lib.cut(anatomy, z, size)
  image = np.full((size, size), tissue.AIR, np.float32)
  image = scanner_lib.draw_table(image, scanner, anatomy)
  image = tissue.draw_wall(image, section)
  image = tissue.draw_chest(image, section, lattice=patient.lattice)
  lungs, diseased = _draw_lungs(patient, section)
  image = geometry.fill(image, lungs, section.lungs, section.pixel)
  image = tissue.draw_airways(image, section)
  image = scanner_lib.add_noise(image, scanner, rng)
  body = section.body < 0
  return DrawnSlice(
    image=scanner_lib.to_gray(image, scanner),
    box=bounding_box(body),
    body=body,
    lungs=section.lungs < 0,
    lesions=diseased > 0.5,
  )


def _draw_lungs(
  patient: Patient, section: anatomy_lib.Section
) -> tuple[np.ndarray, np.ndarray]:
  """Returns HU as if all were lung, and the share of lesions, both `[S, S]`."""
  texture = geometry.lattice_noise(
    patient.lattice, section.u + np.float32(section.z), section.v, cells=13
  )
  gravity = section.v * np.float32(patient.gravity)
  lungs = np.float32(patient.lung_density) + gravity + 8 * texture
  # Shifted with z, so that outlines differ a little from slice to slice.
  outline = geometry.lattice_noise(
    patient.lattice, section.u, section.v + np.float32(section.z), cells=9
  )
  weights = [
    lesions_lib.lesion_weight(lesion, section, outline=outline)
    for lesion in patient.lesions
  ]
  for lesion, weight in zip(patient.lesions, weights, strict=True):
    if lesion.ground_glass:
      hazy = np.float32(lesion.density) + 60 * texture
      # Patches that overlap do not add up.
      lungs = np.maximum(lungs, geometry.paint(lungs, hazy, weight))
  lungs = _draw_vessels(lungs, patient, section)
  if not all(lesion.ground_glass for lesion in patient.lesions):
    air = _draw_bronchi(patient, section)
  for lesion, weight in zip(patient.lesions, weights, strict=True):
    if not lesion.ground_glass:
      dense = geometry.paint(np.float32(lesion.density), _BRONCHUS, air)
      lungs = geometry.paint(lungs, dense, weight)
  return lungs, np.max([np.zeros_like(lungs), *weights], axis=0)


def _draw_vessels(
  lungs: np.ndarray, patient: Patient, section: anatomy_lib.Section
) -> np.ndarray:
  """Returns the lungs in HU with the vessels of the slice drawn on them."""
  ink = vessels.draw_tree(
    patient.vessels,
    len(lungs),
    depth=section.z * anatomy_lib.LUNG_HEIGHT,
    thickness=_THICKNESS,
    to_image=patient.anatomy.to_image,
  )
  # Just below the pleura vessels are too thin to be seen.
  ink = ink * np.clip(-section.lungs / np.float32(0.03), 0, 1)
  return geometry.paint(lungs, _VESSEL, ink)


def _draw_bronchi(patient: Patient, section: anatomy_lib.Section) -> np.ndarray:
  """Returns the share of air in bronchi, `[S, S]` float32 in [0, 1]."""
  # The bronchi of all lesions together, so that overlapping lesions do not hide
  # each other's.
  return vessels.draw_tree(
    vessels.join(*patient.bronchi),
    len(section.u),
    depth=0,
    thickness=1,
    to_image=patient.anatomy.to_image,
  )


def bounding_box(mask: np.ndarray) -> np.ndarray:
  """Returns the box around the True pixels of a mask, `[H, W]` bool.

  It is int32 `[4]` xmin, ymin, xmax, ymax in pixels, end exclusive.
  """
  columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
  return np.array(
    (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1), np.int32
  )
