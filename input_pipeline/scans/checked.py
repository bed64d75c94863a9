# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads and checks the slices of a scan one after the other."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from input_pipeline.scans import input_check
from input_pipeline.scans import scan as scan_lib


class Checked(NamedTuple):
  """A slice that was read and checked.

  Attributes:
    index: its index in the scan.
    gray: `[H, W]` uint8; None if it could not be read.
    reason: why it must not be scored; None if it can be.
  """

  index: int
  gray: np.ndarray | None
  reason: str | None


def read(scan: scan_lib.Scan) -> Iterator[Checked]:
  """Yields each slice of a scan once, not always in order.

  Slices without visible lungs get a reason not to be scored, unless they lie
  between two slices with lungs in a scan that is ordered along the body: then
  disease fills their lungs. Whether they do is only known at the next slice
  with lungs, so they are yielded just before it.
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
