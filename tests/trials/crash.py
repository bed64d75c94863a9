# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Commands are killed at random; the same command then goes on.

It must end as if nothing had happened, and nothing may be left behind. Half of
the kills come at a time, the others at a change of a file, so that writes
that take a millisecond are hit too.
"""

import pathlib
import re
import sys
from typing import NamedTuple

import numpy as np

from tests.trials import frame
from tests.trials.frame import attempt
from tests.trials.frame import commands
from tests.trials.frame import contents
from tests.trials.frame import moments
from tests.trials.frame import workplace

_MOST_KILLS_OF_A_RUN = 5
# Where a kill came, by the first that matches a line of a stack.
_PLACES = (
  (r'checkpoint(s|_files)\.py", line \d+ in (save|finalize|_sum_|_add_|__e)'
   r'|orbax/.* in (_?save|_?commit|_?finalize|_write)', 'saving a checkpoint'),
  (r'map_(panels|evidence)\.py', 'Grad-CAM maps'),
  (r'bit_npz\.py", line \d+ in save', 'writing model.npz'),
  (r'/bit_covid/report/', 'report'),
  (r'inference/evaluate\.py|monitor\.py", line \d+ in log_eval', 'evaluation'),
  (r'run_directory\.py", line \d+ in write_results', 'predictions'),
  (r'training/train\.py", line \d+ in _train', 'training steps'),
)  # fmt: skip


class Scenario(NamedTuple):
  """A command that is killed.

  Attributes:
    share: of all kills.
    command: a function from the folder to an exit code.
    start: a folder that it needs, to be copied; None for none.
    place: what is told of a kill; None: where its stack says.
  """

  share: float
  command: workplace.CommandFn
  start: pathlib.Path | None = None
  place: str | None = None


def run(
  *, amount: int = 100, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns rows of some `amount` kills of all commands together, by place."""
  work = workplace.Workplace(scratch)
  work.reset(None)
  work.run(commands.prepare_data)
  data = work.keep()
  work.reset(data)
  work.run(commands.train)
  trained = work.keep()
  # Programs are compiled in `evaluate` alone.
  (trained / 'cache').rename(data / 'cache')
  rows: dict[str, frame.Row] = {}
  for scenario in (
    Scenario(0.35, commands.train_without_report, data),
    Scenario(0.1, commands.train, data),
    Scenario(0.13, commands.evaluate, trained, 'evaluate'),
    Scenario(0.13, commands.report, trained, 'report'),
    Scenario(0.08, commands.paper, data, "paper's queue"),
    Scenario(0.21, commands.prepare_data, None, 'preparing data'),
  ):
    # A sample of few kills leaves out the commands of the smallest shares.
    if kills := round(scenario.share * amount):
      random = np.random.default_rng(seed)
      kill_repeatedly(scenario, kills, random, work, rows)
  return list(rows.values())


def kill_repeatedly(
  scenario: Scenario,
  kills: int,
  random: np.random.Generator,
  work: workplace.Workplace,
  rows: dict[str, frame.Row],
) -> None:
  """Adds to the rows, by place, what came of so many kills of a command."""
  work.reset(scenario.start)
  draw = _Draw(work.run(scenario.command), random)
  expected = contents.read(work.area)
  while kills > 0:
    most = min(kills, random.integers(1, _MOST_KILLS_OF_A_RUN + 1))
    places, ended = _kill_some(scenario, most, draw, work)
    kills -= len(places)
    for place in places:
      rows.setdefault(place, frame.Row(place=place)).tries += 1
    if places:
      _compare(rows[places[-1]], ended, expected, contents.read(work.area))
    wrong = sum(len(x.differences + x.strays) for x in rows.values())
    text = f'  killed: {", ".join(places)}; wrong till now: {wrong}'
    print(text, file=sys.stderr, flush=True)


def _kill_some(
  scenario: Scenario, most: int, draw: '_Draw', work: workplace.Workplace
) -> tuple[list[str], attempt.Ended]:
  """Returns where a command was killed, and how it ended at last."""
  work.reset(scenario.start)
  places = []
  while True:
    moment = draw.moment() if len(places) < most else moments.NEVER
    ended = work.start(scenario.command, moment).wait()
    if not ended.is_killed:
      return places, ended
    places.append(scenario.place or _place(ended.stack))


class _Draw:
  """Draws moments at which a command is killed."""

  def __init__(self, undisturbed: attempt.Ended, random: np.random.Generator):
    self.random = random
    self._seconds = undisturbed.seconds
    self._changes = undisturbed.changes
    self._left: list[str] = []
    self._is_time = False

  def moment(self) -> moments.Moment:
    """Returns a time and a change in turn, each change once before any twice.

    A change that comes often counts no more than one that comes once.
    """
    self._is_time = not self._is_time
    if self._is_time or not self._changes:
      return moments.Moment(seconds=self.random.uniform(0, self._seconds))
    if not self._left:
      self._left = self.random.permutation(sorted(set(self._changes))).tolist()
    change = self._left.pop()
    count = self._changes.count(change)
    return moments.Moment(
      change=change, count=int(self.random.integers(1, count + 1))
    )


def _place(stack: str) -> str:
  for pattern, place in _PLACES:
    if re.search(pattern, stack):
      return place
  return 'start and end'


def _compare(
  row: frame.Row,
  ended: attempt.Ended,
  expected: dict[str, str],
  found: dict[str, str],
) -> None:
  if ended.exit_code or 'Traceback' in ended.log:
    last = ended.log.strip().rpartition('\n')[2]
    row.differences.append(f'exit code {ended.exit_code}: {last}')
  row.differences += contents.differences(expected, found)
  row.strays += contents.strays(expected, found)
