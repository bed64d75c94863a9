# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Commands are killed at random; the same command then goes on.

It must end as if nothing had happened, and nothing may be left behind. Half of
the kills come at a time, the others before a change of a file, so that writes
that take a millisecond are hit too.
"""

from collections.abc import Callable, Iterator
import contextlib
import functools
from http import server as http_server
import os
import pathlib
import re
import shutil
import sys
import threading
import time
from typing import NamedTuple

import numpy as np

from tests.trials import frame
from tests.trials.frame import attempt
from tests.trials.frame import commands
from tests.trials.frame import contents

_MOST_KILLS_OF_A_RUN = 5
# Where a kill came, by the first that matches a line of a stack.
_PLACES = (
  (r'checkpoints\.py", line \d+ in (save|finalize|_sum_arrays|_add_others|__e)'
   r'|orbax/.* in (_?save|_?commit|_?finalize|_write)', 'saving a checkpoint'),
  (r'map_(panels|evidence)\.py', 'Grad-CAM maps'),
  (r'bit_npz\.py", line \d+ in save', 'writing model.npz'),
  (r'/bit_covid/report/', 'report'),
  (r'inference/evaluate\.py|monitor\.py", line \d+ in log_eval', 'evaluation'),
  (r'run_directory\.py", line \d+ in write_results', 'predictions'),
  (r'training/train\.py", line \d+ in _train', 'training steps'),
)  # fmt: skip


class _Scenario(NamedTuple):
  """A command that is killed.

  Attributes:
    share: of all kills.
    command: a function from the folder to an exit code.
    start: a folder that it needs, to be copied; None for none.
    place: what is told of a kill; None: where its stack says.
  """

  share: float
  command: Callable[[pathlib.Path], int]
  start: pathlib.Path | None = None
  place: str | None = None


def run(
  *, amount: int = 108, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns rows of at least `amount` kills of all commands together."""
  os.environ['JAX_COMPILATION_CACHE_DIR'] = str(scratch / 'area' / 'compiled')
  data, trained = scratch / 'with_data', scratch / 'trained'
  _make(commands.prepare_data, None, data, scratch)
  _make(commands.train, data, trained, scratch)
  shutil.copytree(trained / 'compiled', data / 'compiled')
  rows: dict[str, frame.Row] = {}
  with _slow_server() as url:
    download = functools.partial(commands.download, url=url)
    for scenario in (
      _Scenario(0.46, commands.train, data),
      _Scenario(0.10, commands.evaluate, trained, 'evaluate'),
      _Scenario(0.10, commands.report, trained, 'report'),
      _Scenario(0.12, commands.paper, data, "paper's queue"),
      _Scenario(0.12, commands.prepare_data, None, 'preparing data'),
      _Scenario(0.10, download, None, 'download'),
    ):
      kills = max(round(scenario.share * amount), 1)
      _kill_repeatedly(scenario, kills, seed, scratch, rows)
  return list(rows.values())


def _make(
  command: Callable[[pathlib.Path], int],
  start: pathlib.Path | None,
  target: pathlib.Path,
  scratch: pathlib.Path,
) -> attempt.Ended:
  """Returns how a command ended in a copy of `start`, kept as `target`."""
  area = _fresh(scratch, start)
  ended = attempt.run(command, area, folder=area, notes=scratch / 'notes')
  if ended.exit_code:
    raise RuntimeError(f'The undisturbed command failed: {ended.log}')
  if target.exists():
    shutil.rmtree(target)
  area.rename(target)
  return ended


def _fresh(scratch: pathlib.Path, start: pathlib.Path | None) -> pathlib.Path:
  """Returns a copy of the folder, in the same place each time."""
  area = scratch / 'area'
  shutil.rmtree(area, ignore_errors=True)
  if start is None:
    area.mkdir()
  else:
    shutil.copytree(start, area)
  return area


def _kill_repeatedly(
  scenario: _Scenario,
  kills: int,
  seed: int,
  scratch: pathlib.Path,
  rows: dict[str, frame.Row],
) -> None:
  """Adds to the rows, by place, what came of kills of a command."""
  undisturbed = scratch / 'undisturbed'
  ended = _make(scenario.command, scenario.start, undisturbed, scratch)
  expected = contents.read(undisturbed)
  draw = _Draw(ended, np.random.default_rng(seed))
  while kills > 0:
    area = _fresh(scratch, scenario.start)
    places = []
    most = min(kills, draw.random.integers(1, _MOST_KILLS_OF_A_RUN + 1))
    for _ in range(most + 1):
      moment = draw.moment() if len(places) < most else attempt.NEVER
      ended = attempt.run(
        scenario.command,
        area,
        folder=area,
        notes=scratch / 'notes',
        moment=moment,
      )
      if not ended.is_killed or moment == attempt.NEVER:
        break
      places.append(scenario.place or _place(ended.stack))
    for place in places:
      rows.setdefault(place, frame.Row(place=place)).tries += 1
    if places:
      _compare(rows[places[-1]], places, ended, expected, contents.read(area))
    kills -= len(places)
    print(f'  {scenario.command}: {places}', file=sys.stderr, flush=True)


class _Draw:
  """Draws moments at which a command is killed."""

  def __init__(self, undisturbed: attempt.Ended, random: np.random.Generator):
    self.random = random
    self._seconds = undisturbed.seconds
    self._changes = undisturbed.changes
    self._left: list[str] = []
    self._is_time = False

  def moment(self) -> attempt.Moment:
    """Returns a time and a change in turn, each change once before any twice.

    A change that comes often counts no more than one that comes once.
    """
    self._is_time = not self._is_time
    if self._is_time or not self._changes:
      return attempt.Moment(seconds=self.random.uniform(0, self._seconds))
    if not self._left:
      self._left = self.random.permutation(sorted(set(self._changes))).tolist()
    change = self._left.pop()
    count = self._changes.count(change)
    return attempt.Moment(
      change=change, count=int(self.random.integers(1, count + 1))
    )


def _place(stack: str) -> str:
  for pattern, place in _PLACES:
    if re.search(pattern, stack):
      return place
  return 'start and end'


def _compare(
  row: frame.Row,
  places: list[str],
  ended: attempt.Ended,
  expected: dict[str, str],
  found: dict[str, str],
) -> None:
  after = f' (kills: {", ".join(places)})'
  if ended.is_killed:
    row.differences.append(f'the command did not end{after}')
  elif ended.exit_code or 'Traceback' in ended.log:
    last = ended.log.strip().rpartition('\n')[2]
    row.differences.append(f'exit code {ended.exit_code}: {last}{after}')
  row.differences += [x + after for x in contents.differences(expected, found)]
  row.strays += [x + after for x in contents.strays(expected, found)]


class _SlowHandler(http_server.BaseHTTPRequestHandler):
  """Sends a checkpoint of 256 kB in half a second, from any byte on."""

  _BODY = np.random.default_rng(0).bytes(1 << 18)

  def do_GET(self) -> None:
    asked = re.match(r'bytes=(\d+)-', self.headers.get('Range', ''))
    first = int(asked[1]) if asked else 0
    self.send_response(206 if asked else 200)
    if asked:
      size = len(self._BODY)
      self.send_header('Content-Range', f'bytes {first}-{size - 1}/{size}')
    self.send_header('Content-Length', str(len(self._BODY) - first))
    self.end_headers()
    # The client may have been killed.
    with contextlib.suppress(ConnectionError):
      for start in range(first, len(self._BODY), 1 << 13):
        self.wfile.write(self._BODY[start : start + (1 << 13)])
        time.sleep(1 / 64)

  def log_message(self, *_: object) -> None:
    """Says nothing."""


@contextlib.contextmanager
def _slow_server() -> Iterator[str]:
  """Yields the URL of a server of checkpoints."""
  with http_server.ThreadingHTTPServer(
    ('127.0.0.1', 0), _SlowHandler
  ) as server:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}/'
    server.shutdown()
