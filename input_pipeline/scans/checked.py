# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The slices of a scan, read one after the other and checked."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from input_pipeline.scans import input_check
from input_pipeline.scans import scan as scan_lib


class Checked(NamedTuple):
  """A slice that was read.

  Attributes:
    index: in its scan.
    gray: `[H, W]` uint8; None where it could not be read.
    reason: why it is not to be scored; None: it is.
  """

  index: int
  gray: np.ndarray | None
  reason: str | None


def read(scan: scan_lib.Scan) -> Iterator[Checked]:
  """Yields each slice of a scan once, not always in order.

  Slices above and below the lungs are flagged. One without visible lungs
  between two with lungs is not: in a scan that is ordered along the body, its
  lungs are filled by disease. It comes after the next one with lungs.
  """
  waiting: list[Checked] = []
  seen_lungs = False
  for index, each in enumerate(scan.slices):
    try:
      pixels = each.read()
    except scan_lib.UnreadableError as error:
      yield Checked(index, None, error.reason)
      continue
    verdict = input_check.check(pixels)
    if verdict.problem:
      yield Checked(index, pixels.gray, verdict.problem)
    elif verdict.has_lungs:
      yield from waiting
      waiting.clear()
      seen_lungs = True
      yield Checked(index, pixels.gray, None)
    elif seen_lungs and scan.is_ordered:
      waiting.append(Checked(index, pixels.gray, None))
    else:
      yield Checked(index, pixels.gray, input_check.NO_LUNGS)
  for each in waiting:
    yield each._replace(reason=input_check.NO_LUNGS)
