# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A result with known maps, of a scan whose files exist."""

from collections.abc import Callable

import numpy as np
import pytest

from bit_covid.scoring import scan_result
from bit_covid.scoring import verdict
from input_pipeline import scans


@pytest.fixture
def make_mapped() -> Callable[..., scan_result.ScanResult]:
  """Makes a result of the classes A and B/C, of which B/C is predicted.

  The maps of A are 0; those of B/C are brightest in one of 5 x 4 cells.
  """

  def make(
    scan: scans.Scan,
    *,
    cell: tuple[int, int] = (1, 3),
    box: tuple[int, ...] | None = None,
    unscored: tuple[int, ...] = (),
  ) -> scan_result.ScanResult:
    maps = np.zeros((2, 5, 4), np.float32)
    maps[1][cell] = 0.5
    values = np.array([0.25, 0.75])
    slices = tuple(
      scan_result.SliceResult(
        slice_id=scan.slice_id(i),
        name=each.name,
        position=each.position,
        finding='no lungs' if i in unscored else None,
        is_readable=True,
        probabilities=None if i in unscored else values,
        box=None if box is None else np.array(box),
        maps=None if i in unscored else maps,
      )
      for i, each in enumerate(scan.slices)
    )
    return scan_result.ScanResult(
      scan,
      ('A', 'B/C'),
      slices,
      {'mean': values},
      verdict=verdict.Verdict('accept', ('Near.',)),
    )

  return make
