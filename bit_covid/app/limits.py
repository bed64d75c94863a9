# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What one page, and all of them together, may ask of the machine."""

from typing import NamedTuple


class Limits(NamedTuple):
  """How much is taken before it is refused.

  Attributes:
    bytes: of one upload; what its archives unpack to has limits of its own, see
      `input_pipeline.scans.limits`.
    files: of one upload.
    slices: that one page keeps to be looked at, over its scans.
    sessions: pages with an upload, at once.
    closed_after: seconds without a connection from a page until it counts as
      closed. One that is closed says so; one on a phone that was put away for a
      moment has no connection, either.
    idle_after: seconds without anything that a page asks for until it is
      closed, so that a forgotten one leaves its place to others.
  """

  bytes: int = 2 << 30
  files: int = 10_000
  slices: int = 4_000
  sessions: int = 4
  closed_after: float = 300.0
  idle_after: float = 7200.0
