# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Downloads over a network that fails at random, in processes that are killed.

Whatever came before, a file under its name is whole, and in the end it is there
and nothing else is left.
"""

from collections.abc import Callable, Iterator
import contextlib
import io
import multiprocessing
import os
import pathlib
import signal
import sys
import time

import numpy as np

from bit_covid.weights import download
from bit_covid.weights import find
from bit_covid.weights import public_files
from bit_covid.weights import transfer
from tests import file_server
from tests.trials import frame

# A public name for a small network, so that a file takes little time.
_NAME = 'BiT-M-tiny'
_FORM = ('BiT-M-(tiny)', 12)
_CONTENT = find.bundled()['Textures-S-tiny'].read_bytes()
_FAILED = 3
# Seconds from piece to piece of the file: it takes some 0.2 s.
_PAUSE = 0.003
_MOST_STARTS = 50
# What Python says before it changes a file, and how often a download does so.
_CHANGES = ('open', 'os.rename', 'os.remove')
_MOST_CHANGES = 12


def run(
  *, amount: int = 200, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns rows of at least `amount` kills."""
  random = np.random.default_rng(seed)
  rows = []
  for place, processes in (('one process', 1), ('one of two', 2)):
    row = frame.Row(place=f'download, {place}')
    number = 0
    while row.tries < amount / 2:
      number += 1
      folder = scratch / f'{processes}_{number}'
      with file_server.running(_CONTENT) as server:
        server.answers = [_draw_answer(random) for _ in range(8)]
        _try(row, server, folder, processes, random)
    rows.append(row)
  return rows


def _draw_answer(random: np.random.Generator) -> Callable:
  cut = int(random.integers(len(_CONTENT)))
  wrong = bytearray(_CONTENT)
  wrong[cut] ^= 1 << random.integers(8)
  page = b'<html>Sorry</html>'
  answers = (
    file_server.send(pause=_PAUSE),
    file_server.send(cut=cut, pause=_PAUSE),
    file_server.send(cut=cut, pause=_PAUSE, ETag='"another"'),
    file_server.send(cut=cut, declares_length=False),
    file_server.send(cut=cut, stall=0.3),
    file_server.send(content=bytes(wrong), pause=_PAUSE),
    file_server.send(content=page, x_goog_hash='', ETag='"page"'),
    file_server.status(503, Retry_After='0'),
    file_server.status(404),
  )
  return answers[random.integers(len(answers))]


def _try(
  row: frame.Row,
  server: file_server.Server,
  folder: pathlib.Path,
  processes: int,
  random: np.random.Generator,
) -> None:
  """Adds what came of a download that was killed some times."""
  kills = random.integers(1, 5)
  for start in range(_MOST_STARTS):
    is_killed = start < kills
    # Half of the kills come at a time, the others before a change of a file, so
    # that what takes a moment only is hit too.
    is_timed = random.random() < 0.5
    change = random.integers(1, _MOST_CHANGES) if is_killed else 0
    started = [_start(server.url, folder, 0 if is_timed else change)]
    started += [_start(server.url, folder, 0) for _ in range(processes - 1)]
    if is_killed and is_timed:
      _wait_for_request(server, started)
      started[0].join(random.uniform(0, 0.4))
      started[0].kill()
    for process in started:
      process.join()
    row.tries += started[0].exitcode == -signal.SIGKILL
    row.differences += _problems(folder)
    expected = (0, _FAILED, -signal.SIGKILL)
    codes = [process.exitcode for process in started]
    row.differences += [f'exit code {x}' for x in codes if x not in expected]
    if not is_killed and codes == [0] * processes:
      break
  else:
    row.differences.append(f'no file after {_MOST_STARTS} starts')
  left = {x.name for x in folder.iterdir()}
  row.strays += left - {f'{_NAME}.npz', f'{_NAME}.npz.sha256', '.lock'}
  print(f'  {folder.name}: {row.tries} kills', file=sys.stderr, flush=True)


def _problems(folder: pathlib.Path) -> Iterator[str]:
  """Yields what may not be, wherever the process was killed."""
  path = folder / f'{_NAME}.npz'
  if path.exists():
    if path.read_bytes() != _CONTENT:
      yield 'a file that is not whole'
    if not path.with_name(f'{path.name}.sha256').exists():
      yield 'a file without a record'
  parts = [x.name for x in folder.glob('.*.part')]
  if len(parts) > 1:
    yield f'more than one partial file: {parts}'


def _wait_for_request(
  server: file_server.Server, started: list[multiprocessing.Process]
) -> None:
  count = len(server.requests)
  while len(server.requests) == count and started[0].is_alive():
    time.sleep(0.001)


def _start(
  url: str, folder: pathlib.Path, change: int
) -> multiprocessing.Process:
  context = multiprocessing.get_context('forkserver')
  # Imported once, and not by each process.
  context.set_forkserver_preload([__name__])
  process = context.Process(target=_download, args=(url, folder, change))
  process.start()
  return process


def _download(url: str, folder: pathlib.Path, change: int) -> None:
  """Downloads; is killed before a change of a file: the first, second, ..."""
  left = [None] * change

  def count(event: str, arguments: tuple) -> None:
    if event in _CHANGES and str(arguments[0]).startswith(f'{folder}/'):
      left.pop()
      if not left:
        os.kill(os.getpid(), signal.SIGKILL)

  if change:
    sys.addaudithook(count)
  download._WAIT = 0
  transfer._TIMEOUT = (1, 0.2)
  public_files._FORMS += (_FORM,)
  # It takes most of the time, and other tests try it.
  public_files.check = lambda path, name: None
  with contextlib.redirect_stderr(io.StringIO()):
    try:
      find.find(_NAME, cache_dir=folder, base_url=url)
    except ConnectionError:
      sys.exit(_FAILED)
