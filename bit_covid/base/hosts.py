# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Several hosts of one run: how they find each other, agree, and end.

    with hosts.together(place, start_seconds=60):
      train.train_and_evaluate(config, workdir)

Within the block, all hosts call the functions that compare them at the same
point of the program.
"""

import collections
from collections.abc import Iterator, Mapping
import contextlib
from importlib import metadata
import json
import os
import re
import signal
import socket
import sys
from typing import Any

import jax
from jax._src import clusters
from jax.experimental import multihost_utils
import numpy as np

from bit_covid.base import command
from bit_covid.base import host_start
from bit_covid.base import host_watch
from bit_covid.base import stop_signals
from bit_covid.base import version

# Seconds in which the news of a lost host arrive, if JAX notices it first: as
# long as the kernel takes to notice a machine that was switched off.
_PATIENCE = 35
# Errors of input and of training, which say what is wrong.
_OWN_ERRORS = (ValueError, OSError, FloatingPointError, KeyboardInterrupt)
# Seconds that a host has to reach JAX's coordinator, which is running by then.
_CONNECT_SECONDS = 60
_MOST_PORT = 65_535


def find_place() -> host_watch.Place:
  """Returns this host's place in a TPU pod or a job of SLURM or Open MPI.

  Raises:
    ValueError: it is in none of them.
  """
  # The public `jax.distributed.initialize` finds it too, but does not tell.
  find = clusters.ClusterEnv.auto_detect_unset_distributed_params
  address, count, index, _ = find(None, None, None, None, None, 60)
  if None in (address, count, index):
    raise ValueError(
      '--distributed finds no TPU pod and no job of SLURM or Open MPI. Give '
      '--coordinator, --num_processes and --process_id instead.'
    )
  return host_watch.Place(address, count, index)


@contextlib.contextmanager
def together(
  place: host_watch.Place | None, *, start_seconds: float
) -> Iterator[None]:
  """Connects JAX on all hosts; within the block, all end if one ends.

  If an error leaves the block, JAX stays connected. Call `end_if_connected`
  after the error has been said: at the end of the interpreter, JAX would wait
  for hosts that are gone, and abort.

  Args:
    place: this host's place; None: it is alone.
    start_seconds: how long hosts wait for the others to start.

  Raises:
    HostsError: another host is missing, is not like this one, or has ended.
    Stopped: another host was stopped by a signal.
  """
  if place is None or place.count == 1:
    yield
    return
  _check(place)
  watch = host_start.start(place, start_seconds=start_seconds)
  try:
    address = watch.wait_for_all()
    _connect(place, address)
    yield
    watch.finish()
  except BaseException as error:
    _raise_first_cause(watch, error)
    raise
  jax.distributed.shutdown()


def end_if_connected(exit_code: int) -> None:
  """Ends this process at once if an error has left JAX connected."""
  if jax.distributed.is_initialized():
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)


def _check(place: host_watch.Place) -> None:
  found = re.search(r'.:(\d+)$', place.address)
  if not found or int(found[1]) > _MOST_PORT:
    raise ValueError(
      f'--coordinator={place.address} is not of the form host:port, with a '
      f'port of at most {_MOST_PORT}.'
    )
  if not 0 <= place.index < place.count:
    raise ValueError(
      f'--process_id={place.index} is none of the {place.count} of '
      '--num_processes; they count from 0.'
    )


def _connect(place: host_watch.Place, address: str) -> None:
  # JAX would take SIGTERM for itself, and nothing would stop.
  jax.config.update('jax_enable_preemption_service', False)
  jax.distributed.initialize(
    address,
    place.count,
    place.index,
    coordinator_bind_address=address if place.index == 0 else None,
    initialization_timeout=_CONNECT_SECONDS,
  )
  counts = collections.Counter(x.process_index for x in jax.devices())
  if len(set(counts.values())) > 1:
    listed = ', '.join(f'{counts[x]} on host {x}' for x in sorted(counts))
    raise ValueError(
      f'The hosts have different numbers of devices: {listed}. All have to '
      'have as many.'
    )
  versions = {x: metadata.version(x) for x in ('jax', 'jaxlib')}
  versions['bit_covid'] = version.VERSION
  check_same(versions, remedy='Install the same versions on all.')


def _raise_first_cause(
  watch: host_watch.HostWatch, error: BaseException
) -> None:
  """Raises why another host has ended, if that is why this one does.

  Raises:
    HostsError: it has ended with an error, or without a word.
    Stopped: it was stopped by a signal.
  """
  reason = command.one_line(str(error)) or type(error).__name__
  is_stop = isinstance(error, KeyboardInterrupt)
  exit_code = getattr(
    error, 'exit_code', command.INTERRUPTED if is_stop else command.NOT_DONE
  )
  if is_stop and not str(error):
    reason = f'by {signal.Signals(exit_code - 128).name}.'
  # Any other error may be what JAX or Orbax say if a host no longer answers.
  # On a CPU, that is a ValueError in some functions.
  is_own = isinstance(error, _OWN_ERRORS) and 'Gloo' not in reason
  cause = watch.leave(
    reason, exit_code=exit_code, patience=0 if is_own else _PATIENCE
  )
  if is_own or not cause:
    return
  if cause.exit_code > 128:
    raise stop_signals.Stopped(cause.exit_code - 128, str(cause))
  raise cause


def texts_of_all(text: str) -> list[str]:
  """Returns the texts that the hosts call this with, in the hosts' order."""
  if jax.process_count() == 1:
    return [text]
  content = np.frombuffer(text.encode(), np.uint8)
  lengths = multihost_utils.process_allgather(np.array(content.size, np.int32))
  padded = np.zeros(lengths.max(), np.uint8)
  padded[: content.size] = content
  rows = multihost_utils.process_allgather(padded)
  return [
    row[:length].tobytes().decode()
    for row, length in zip(rows, lengths, strict=True)
  ]


def check_same(facts: Mapping[str, Any], *, remedy: str) -> None:
  """Checks that all hosts have the same facts, which are JSON values by name.

  Raises:
    ValueError: they differ. Raised on every host; names the facts and hosts.
  """
  texts = texts_of_all(json.dumps([socket.gethostname(), facts]))
  (first_name, first), *others = map(json.loads, texts)
  different = [
    f'{key} is {first.get(key)} on host 0 ({first_name}), {other.get(key)} on '
    f'host {index} ({name})'
    for index, (name, other) in enumerate(others, start=1)
    for key in sorted(first | other)
    if first.get(key) != other.get(key)
  ]
  if different:
    raise ValueError(f'The hosts differ: {"; ".join(different)}. {remedy}')
