# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A command in a process group of its own, which may be killed on its way.

Its process is forked from a server that has imported JAX and TensorFlow
already, as a hundred starts would take most of the time of a trial.
"""

import atexit
from collections.abc import Callable, Sequence
import contextlib
import faulthandler
import functools
import multiprocessing
from multiprocessing import connection as connection_lib
from multiprocessing import forkserver
import os
import pathlib
import signal
import sys
import tempfile
import time
from typing import Any, NamedTuple
from unittest import mock

from tests.trials.frame import moments

# Imported once, by the server.
PRELOADED = (
  'bit_covid.app.server',
  'bit_covid.cli.evaluate_splits',
  'bit_covid.main',
  'bit_covid.paper.session',
  'bit_covid.scoring.predict_files',
)
# Longest wait for the end of a command, in seconds.
_PATIENCE = 300.0
_ENVIRONMENT = {
  'JAX_PLATFORMS': 'cpu',
  # The commands are tried, not XLA's optimizations.
  'JAX_DISABLE_MOST_OPTIMIZATIONS': '1',
  # It may take semaphores of killed processes for leaks.
  'PYTHONWARNINGS': 'ignore:resource_tracker',
  'TF_CPP_MIN_LOG_LEVEL': '3',
}


class Ended(NamedTuple):
  """How a command ended.

  Attributes:
    is_killed: whether SIGKILL came before the end, at its moment.
    exit_code: -9 if it was killed, also if it did not end for minutes.
    seconds: from its start to its end.
    stack: the stacks of its threads when it was killed, innermost call first.
    log: what it printed.
    changes: of files and folders, in order.
  """

  is_killed: bool
  exit_code: int
  seconds: float
  stack: str
  log: str
  changes: list[str]


class Command:
  """A function that runs in a process of its own.

  Its temporary files are in `folder / 'tmp'`, and what it keeps between starts
  in `folder / 'cache'`. Changes are those of files in `folder`.
  """

  def __init__(
    self,
    function: Callable[..., int],
    arguments: Sequence[Any],
    *,
    folder: pathlib.Path,
    notes: pathlib.Path,
    moment: moments.Moment = moments.NEVER,
  ):
    """Starts it; `notes` is a folder for its log."""
    (folder / 'tmp').mkdir(parents=True, exist_ok=True)
    notes.mkdir(parents=True, exist_ok=True)
    for path in notes.iterdir():
      path.unlink()
    self._notes, self._moment = notes, moment
    ours, theirs = multiprocessing.Pipe()
    self._process = _context().Process(
      target=_run, args=(function, arguments, folder, notes, moment, theirs)
    )
    self._process.start()
    ours.recv()  # From here on it is a process group.
    self._start = time.monotonic()

  @property
  def pid(self) -> int:
    """Of the process."""
    return self._process.pid

  def is_alive(self) -> bool:
    """Returns whether it has not ended yet."""
    return self._process.is_alive()

  def log(self) -> str:
    """Returns what it has printed."""
    return (self._notes / 'log').read_text(errors='replace')

  def signal(self, number: int) -> None:
    """Sends a signal to the process alone."""
    os.kill(self._process.pid, number)

  def kill(self) -> None:
    """Kills the process group, after it has noted where it stands."""
    stack = self._notes / 'stack'
    # It may be ending by itself just now.
    with contextlib.suppress(ProcessLookupError):
      # Python's handler of this signal is written in C and needs no lock.
      os.kill(self._process.pid, signal.SIGUSR1)
      deadline = time.monotonic() + 1
      while self.is_alive() and time.monotonic() < deadline:
        if stack.stat().st_size:
          break
        time.sleep(0.001)
      os.killpg(self._process.pid, signal.SIGKILL)

  def join(self, seconds: float) -> None:
    """Waits for its end, so long at most."""
    self._process.join(seconds)

  def wait(self) -> Ended:
    """Returns how it ended, after killing it at its moment."""
    seconds = self._moment.seconds
    passed = time.monotonic() - self._start
    self.join(_PATIENCE if seconds is None else max(seconds - passed, 0))
    is_hung = seconds is None and self.is_alive()
    if self.is_alive():
      self.kill()
      self._process.join()
    code = self._process.exitcode
    self._process.close()
    return Ended(
      is_killed=code == -signal.SIGKILL and not is_hung,
      exit_code=code,
      seconds=time.monotonic() - self._start,
      stack=(self._notes / 'stack').read_text(),
      log=self.log(),
      changes=(self._notes / 'changes').read_text().splitlines(),
    )


@functools.cache
def _context() -> multiprocessing.context.ForkServerContext:
  """Returns the server, which gets its environment when it starts."""
  context = multiprocessing.get_context('forkserver')
  context.set_forkserver_preload(list(PRELOADED))
  with mock.patch.dict(os.environ, _ENVIRONMENT):
    forkserver.ensure_running()
  return context


def _run(
  function: Callable[..., int],
  arguments: Sequence[Any],
  folder: pathlib.Path,
  notes: pathlib.Path,
  moment: moments.Moment,
  started: connection_lib.Connection,
) -> None:
  os.setsid()
  # A shell has its commands in the background ignore it.
  signal.signal(signal.SIGINT, signal.default_int_handler)
  log = os.open(notes / 'log', os.O_WRONLY | os.O_CREAT)
  os.dup2(log, 1)
  os.dup2(log, 2)
  os.environ['TMPDIR'] = str(folder / 'tmp')
  tempfile.tempdir = None
  os.environ['XDG_CACHE_HOME'] = str(folder / 'cache')
  # The commands themselves say where compiled programs are kept.
  os.environ.pop('JAX_COMPILATION_CACHE_DIR', None)
  if jax := sys.modules.get('jax'):  # It has read the environment already.
    jax.config.update('jax_compilation_cache_dir', None)
  stack = (notes / 'stack').open('w')
  faulthandler.register(signal.SIGUSR1, file=stack)
  changes = os.open(notes / 'changes', os.O_WRONLY | os.O_CREAT)
  sys.addaudithook(moments.Watch(folder, changes, stack, moment))
  started.send(None)
  code = function(*arguments)
  # multiprocessing ends its processes without them.
  atexit._run_exitfuncs()
  sys.exit(code)
