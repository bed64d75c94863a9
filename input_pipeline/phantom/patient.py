# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A phantom patient: everything that is drawn at random but the noise."""

import dataclasses

import numpy as np

from input_pipeline import conventions
from input_pipeline.phantom import anatomy as anatomy_lib
from input_pipeline.phantom import lesions as lesions_lib
from input_pipeline.phantom import scanner as scanner_lib
from input_pipeline.phantom import vessels


@dataclasses.dataclass(frozen=True)
class Patient:
  """What the slices of one patient have in common.

  Attributes:
    key: integers that identify the patient; they seed all noise.
    anatomy: the body.
    scanner: how the patient was scanned.
    lesions: the lesions.
    bronchi: the bronchi of each lesion. Ground glass does not show them.
    vessels: the vessels of both lungs.
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
    seed: seed of the data set.
    split: one of `conventions.SPLITS`.
    label: one of `lesions.LABELS`.
    number: number of the patient in its split and class.
  """
  key = (
    seed,
    conventions.SPLITS.index(split),
    lesions_lib.LABELS.index(label),
    number,
  )
  rng = np.random.default_rng((*key, 0, 0))
  anatomy = anatomy_lib.sample_anatomy(rng)
  scanner = scanner_lib.sample_scanner(rng)
  # A wide range, as the density depends on how deep a patient breathes in. The
  # mean gray value must not reveal the class.
  lung_density = rng.uniform(-890, -740)
  found = lesions_lib.sample_lesions(
    rng,
    label,
    middle=anatomy.scan_middle,
    lung_density=lung_density,
  )
  return Patient(
    key=key,
    anatomy=anatomy,
    scanner=scanner,
    lesions=found,
    bronchi=tuple(
      lesions_lib.grow_bronchi(rng, lesion, anatomy) for lesion in found
    ),
    vessels=_grow_vessels(rng, anatomy),
    lung_density=lung_density,
    gravity=rng.uniform(10, 90),
    lattice=rng.standard_normal((16, 16), np.float32),
  )


def _grow_vessels(
  rng: np.random.Generator, anatomy: anatomy_lib.Anatomy
) -> vessels.Tree:
  """Returns the vessels of both lungs, z in half image sides."""
  width, height, center = anatomy_lib.cavity_at(anatomy, 0.6)
  radius = rng.uniform(0.026, 0.036)
  trees = []
  for side in (-1, 1):
    targets = rng.uniform(-1, 1, (1024, 3))
    targets = targets[np.linalg.norm(targets, axis=1) < 1][:256]
    targets *= (0.48 * width, 0.95 * height, 0.6 * anatomy_lib.LUNG_HEIGHT)
    targets += (
      side * 0.52 * width,
      center,
      0.5 * anatomy_lib.LUNG_HEIGHT,
    )
    root = np.array((side * 0.13, center, 0.47 * anatomy_lib.LUNG_HEIGHT))
    trees.append(vessels.grow_tree(rng, targets, root=root, radius=radius))
  return vessels.join(*trees)
