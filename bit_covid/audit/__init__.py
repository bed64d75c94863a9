# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Audits a data set: finds what would make results on it look too good.

It imports neither JAX nor TensorFlow; the caller reads the slices into a table.
"""

from collections.abc import Callable

import numpy as np

from bit_covid.audit import confounding
from bit_covid.audit import finding
from bit_covid.audit import images
from bit_covid.audit import overlap
from bit_covid.audit import position
from bit_covid.audit import shortcuts
from bit_covid.audit import slices as slices_lib


def audit(
  slices: slices_lib.Slices,
  *,
  body_box: Callable[[np.ndarray], np.ndarray],
  lungs: Callable[[np.ndarray], np.ndarray],
  max_images: int = 0,
  seed: int = 0,
) -> list[finding.Finding]:
  """Returns the findings of all checks, leaks between splits first.

  Args:
    slices: all slices of the data set.
    body_box: `input_pipeline.body_crop.body_box`.
    lungs: `input_pipeline.hulls.lungs`.
    max_images: largest number of images that are read, sampled at random; 0:
      all.
    seed: of all random choices.
  """
  table = slices.table
  found = {
    'Patients in several splits': overlap.patients(table),
    'Equal images': overlap.images(table),
  }
  measured = table
  if slices.image is not None:
    measured, thumbnails = images.measure(
      slices, count=max_images, seed=seed, body_box=body_box, lungs=lungs
    )
    found['Images that look the same'] = overlap.look_alikes(
      measured, thumbnails, unread=len(table) - len(measured)
    )
    found['Image sizes'] = images.sizes(measured, seed=seed)
  found |= {
    'Class and source': confounding.source(table, seed=seed),
    'Slices a patient': position.slices_per_patient(table),
    'Scans from the first slice on': position.first_slices(table, seed=seed),
    'Shortcuts past the lungs': shortcuts.shortcuts(measured, seed=seed),
  }
  return [each._replace(check=name) for name, each in found.items()]
