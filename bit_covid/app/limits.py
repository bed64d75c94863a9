# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Limits on uploads, sessions and connections."""

from typing import NamedTuple


class Limits(NamedTuple):
  """The largest values that the server accepts.

  Attributes:
    bytes: size of one upload. The unpacked size of archives is limited by
      `input_pipeline.scans.limits`.
    files: number of files in one upload.
    slices: number of slices that one page keeps, over all its scans.
    sessions: number of pages that are open at once.
    closed_after: seconds without a connection after which a page counts as
      closed. A page that is closed says so itself, but one on a locked phone
      also has no connection.
    idle_after: seconds without a request after which a page is closed, to make
      room for others.
    silent_after: seconds after which a connection is ended whose client does
      not go on with its request, or does not take the answer.
  """

  bytes: int = 2 << 30
  files: int = 10_000
  slices: int = 4_000
  sessions: int = 4
  closed_after: float = 300.0
  idle_after: float = 7200.0
  silent_after: float = 30.0

  @property
  def connections(self) -> int:
    """The number of connections at once; a browser opens six for a page."""
    return 96 + 8 * self.sessions
