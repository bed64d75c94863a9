# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""`archive predict` on fifty mixed scans is killed at random, whole.

The same command then does the rest. All tables must be those of a command that
was not killed, byte for byte, and nothing may be left behind.
"""

import pathlib

from tests.trials import frame
from tests.trials import many_scans
from tests.trials.frame import commands

_PLACES = {
  'archive, with Dask': commands.score_archive,
  'archive, without Dask': commands.score_archive_without_dask,
}


def run(
  *, amount: int = 40, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns a row with Dask and one without, of half the kills each."""
  return many_scans.kill_each(_PLACES, amount, seed, scratch)
