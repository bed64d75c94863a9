# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trainings on several hosts, which are processes on this machine.

They end like one host with as many devices; if one of them is killed or stopped
at a random moment, all end with one line, and go on together.
"""

from collections.abc import Mapping
import os
import pathlib
import random
import shutil
import signal
import socket
import time

from tests import several_hosts
from tests.trials import frame

_LONGEST_SECONDS = 60
# By which hosts may differ from one host with as many devices. The sum of two
# numbers has one order. Four are added in different ones, so the last bit of a
# gradient differs, and in thirty steps the difference grows.
_BOUNDS = {2: 0.0, 4: 1e-2}
# What a host says that has waited for another one to start.
_NOT_STARTED = ('Not started within 60 s: host ', 'Host 0 at 127.0.0.1')
_SIGNALS_OF_A_RUN = 3
_KINDS = [
  (index, signum)
  for index in (0, 1)
  for signum in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
]


def run(
  *, amount: int = 24, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns rows of `amount` signals, and of runs beside one host."""
  os.environ['JAX_COMPILATION_CACHE_DIR'] = str(scratch / 'compiled')
  fields = {'data.data_dir': scratch / 'data'}
  beside = [_beside_one(count, fields, scratch) for count in (4, 2)]
  start = time.monotonic()
  beside.append(_beside_one(2, fields, scratch / 'again'))
  seconds = (time.monotonic() - start) / 2
  generator = random.Random(seed)
  hits = {kind: frame.Row(place=_place(kind)) for kind in _KINDS}
  planned = [_KINDS[i % len(_KINDS)] for i in range(amount)]
  generator.shuffle(planned)
  for first in range(0, amount, _SIGNALS_OF_A_RUN):
    workdir = scratch / f'run_{first}'
    for kind in planned[first : first + _SIGNALS_OF_A_RUN]:
      moment = generator.uniform(0, seconds)
      _hit(workdir, fields, kind, moment, hits[kind], seconds=seconds)
    # Any of the signals may be the cause of what is wrong.
    _end(workdir, scratch / 'one_2', fields, hits[kind])
  return [*beside, *hits.values()]


def _place(kind: tuple[int, signal.Signals]) -> str:
  index, signum = kind
  return f'{signum.name} to host {index}'


def _beside_one(
  count: int, fields: Mapping[str, object], scratch: pathlib.Path
) -> frame.Row:
  """Compares hosts of one device with one host of as many devices."""
  one, several = scratch / f'one_{count}', scratch / f'several_{count}'
  several_hosts.Host(one, fields, devices=count).wait()
  return frame.Row(
    place=f'{count} hosts beside one',
    tries=1,
    differences=_run_to_the_end(
      count, several, one, fields, bound=_BOUNDS[count]
    ),
  )


def _run_to_the_end(
  count: int,
  workdir: pathlib.Path,
  expected: pathlib.Path,
  fields: Mapping[str, object],
  *,
  bound: float = 0,
) -> list[str]:
  with several_hosts.started(count, workdir, fields) as hosts:
    failed = [host.last_line for host in hosts if host.wait()]
  return failed or several_hosts.differences(expected, workdir, bound=bound)


def _end(
  workdir: pathlib.Path,
  expected: pathlib.Path,
  fields: Mapping[str, object],
  row: frame.Row,
) -> None:
  """Lets a run go on to its end; notes what differs and was left behind."""
  row.differences += _run_to_the_end(2, workdir, expected, fields)
  known = {path.name for path in expected.iterdir()}
  row.strays += [
    path.name
    for path in workdir.iterdir()
    # One for each start.
    if path.name not in known and '.tfevents.' not in path.name
  ]
  shutil.rmtree(workdir)


def _hit(
  workdir: pathlib.Path,
  fields: Mapping[str, object],
  kind: tuple[int, signal.Signals],
  moment: float,
  row: frame.Row,
  *,
  seconds: float,
) -> None:
  """Sends a signal to a host of a run; notes what is wrong with its end.

  A run takes so many seconds.
  """
  index, signum = kind
  with several_hosts.started(2, workdir, fields) as hosts:
    hit, other = hosts[index], hosts[1 - index]
    time.sleep(moment)
    if hit.process.poll() is not None:
      return  # The run was faster.
    hit.process.send_signal(signum)
    row.tries += 1
    start = time.monotonic()
    code = other.wait()
    waited = time.monotonic() - start
    hit.wait()
    after = f'{moment:.1f} s after the start'
    # A host waits for another one for a minute after it has started itself.
    is_start = any(text in other.last_line for text in _NOT_STARTED)
    if waited > _LONGEST_SECONDS + is_start * seconds:
      row.differences.append(f'{after}: the other ended after {waited:.0f} s')
    if code and not _is_explained(other.last_line, index):
      row.differences.append(f'{after}: exit code {code}: {other.last_line}')
    if 'Traceback' in other.output or 'Fatal' in other.output:
      row.differences.append(f'{after}: {other.output}')
  row.measured = f'{max(waited, _longest(row)):.0f} s at most'


def _longest(row: frame.Row) -> float:
  return float(row.measured.partition(' ')[0] or 0)


def _is_explained(line: str, index: int) -> bool:
  """Returns whether a line says why, or names the host that was hit."""
  name = f'Host {index} ({socket.gethostname()})'
  texts = (
    *(f'{name} is gone', f'{name} has stopped', 'Stopped by SIG'),
    f'{_NOT_STARTED[0]}{index}',
    _NOT_STARTED[1],
  )
  return any(text in line for text in texts)
