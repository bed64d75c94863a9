# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The page is killed while it receives, scores or shows a scan.

Once it is started again, no file of the scan may be left, and it must come to
the same result as a page that was not killed.
"""

import contextlib
import pathlib
import signal
import sys
import threading
import time
from typing import Any

import numpy as np

from tests.trials import frame
from tests.trials.frame import attempt
from tests.trials.frame import commands
from tests.trials.frame import moments
from tests.trials.frame import page_client
from tests.trials.frame import workplace

_SCAN = 'scans/volume.nii.gz'


def run(
  *, amount: int = 12, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns a row of kills at any time and of kills at changes of files."""
  work = workplace.Workplace(scratch)
  work.reset(None)
  work.run(commands.train)
  work.run(commands.write_scans)
  random = np.random.default_rng(seed)
  expected, seconds, changes = _undisturbed(work)
  rows = [
    frame.Row(place='page, at any time'),
    frame.Row(place='page, at a change of a file'),
  ]
  for i in range(amount):
    row = rows[i % 2]
    moment, wait = moments.NEVER, random.uniform(0, seconds)
    if row is rows[1]:
      change = random.choice(sorted(set(changes)))
      count = random.integers(1, changes.count(change) + 1)
      moment, wait = moments.Moment(change=change, count=count), 3 * seconds
    _kill(work, moment, wait)
    row.tries += 1
    # The next start comes to the same result, and nothing of a scan is left.
    command = work.start(commands.page)
    client = page_client.PageClient(command)
    row.strays += _temporary_files(work)
    if client.score(work.area / _SCAN) != expected:
      row.differences.append('another result')
    _stop(command)
    row.strays += _temporary_files(work)
    print(f'  {row.place}: {row.tries} kills', file=sys.stderr, flush=True)
  return rows


def _undisturbed(work: workplace.Workplace) -> tuple[Any, float, list[str]]:
  """Returns the result of a scan, its duration and the changes of files."""
  command = work.start(commands.page)
  client = page_client.PageClient(command)
  client.score(work.area / _SCAN)  # It may compile.
  start = time.monotonic()
  result = client.score(work.area / _SCAN)
  seconds = time.monotonic() - start
  _stop(command)
  command = work.start(commands.page)
  page_client.PageClient(command).score(work.area / _SCAN)
  return result, seconds, _stop(command).changes


def _kill(
  work: workplace.Workplace, moment: moments.Moment, seconds: float
) -> None:
  """Kills a page at the moment, or `seconds` after a browser came to it."""
  command = work.start(commands.page, moment)
  with contextlib.suppress(ConnectionError):  # It may be killed in its start.
    visitor = threading.Thread(
      target=_visit, args=[page_client.PageClient(command), work]
    )
    visitor.start()
    command.join(seconds)
    if command.is_alive():
      command.kill()
    visitor.join()
  command.wait()


def _visit(client: page_client.PageClient, work: workplace.Workplace) -> None:
  with contextlib.suppress(OSError, RuntimeError):
    client.score(work.area / _SCAN)


def _stop(command: attempt.Command) -> attempt.Ended:
  """Returns how a page ended that was stopped as a user does it.

  Raises:
    RuntimeError: it ended in another way.
  """
  command.signal(signal.SIGINT)
  ended = command.wait()
  if ended.exit_code != 130:
    raise RuntimeError(f'The page ended with {ended.exit_code}: {ended.log}')
  return ended


def _temporary_files(work: workplace.Workplace) -> list[str]:
  return [x.name for x in (work.area / 'tmp').iterdir()]
