# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""`predict` on fifty mixed scans, some damaged, is killed at random.

The same command then scores the rest. All tables, pages and volumes must be
those of a command that was not killed, and nothing may be left behind.
"""

from collections.abc import Mapping
import pathlib

import numpy as np

from tests.trials import crash
from tests.trials import frame
from tests.trials.frame import commands
from tests.trials.frame import workplace

_PLACES = {
  'predict, one process': commands.predict,
  'predict, two processes': commands.predict_in_two_processes,
}


def run(
  *, amount: int = 50, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns a row for each number of processes, of half the kills each."""
  return kill_each(_PLACES, amount, seed, scratch)


def kill_each(
  places: Mapping[str, workplace.CommandFn],
  amount: int,
  seed: int,
  scratch: pathlib.Path,
) -> list[frame.Row]:
  """Returns a row for each command, of its share of the kills.

  The commands score the mixed scans with the tiny network.
  """
  work = workplace.Workplace(scratch)
  work.reset(None)
  work.run(commands.train_tiny)
  work.run(commands.write_mixed_scans)
  start = work.keep()
  rows: dict[str, frame.Row] = {}
  for place, command in places.items():
    scenario = crash.Scenario(1, command, start, place)
    random = np.random.default_rng(seed)
    kills = amount // len(places)
    crash.kill_repeatedly(scenario, kills, random, work, rows)
  return list(rows.values())
