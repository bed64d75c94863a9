# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From a data set to findings: what would make results on it look too good.

Knows neither JAX nor TensorFlow: who has slices makes the table.
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
  max_images: int = 5000,
  seed: int = 0,
) -> list[finding.Finding]:
  """Returns the findings of all checks, the gravest kind of leak first.

  Args:
    slices: all of the data set.
    body_box: of an image, as `input_pipeline.body_crop` finds it.
    max_images: how many are read, drawn at random.
    seed: of all that is drawn.
  """
  table = slices.table
  found = [overlap.patients(table), overlap.images(table)]
  measured = table
  if slices.image is not None:
    measured, hashes = images.measure(
      slices, count=max_images, seed=seed, body_box=body_box
    )
    found.append(overlap.near_images(measured, hashes))
    found.append(images.sizes(measured))
  return [
    *found,
    confounding.source(table),
    position.slices_per_patient(table),
    position.first_slices(table),
    shortcuts.shortcuts(measured, seed=seed),
  ]
