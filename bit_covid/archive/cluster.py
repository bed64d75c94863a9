# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The one module that knows Dask: tasks, done by its workers."""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import itertools
import logging
import secrets
from typing import Any, TypeVar

import dask.config
import dask.system
import distributed
import distributed.comm.core
import distributed.system

from bit_covid.archive import attempt
from input_pipeline.scans import private_folder

_Item = TypeVar('_Item')

_CONFIG = {
  # What kills its worker is tried twice.
  'distributed.scheduler.allowed-failures': 1,
  # A worker holds one task, so that no other is blamed when it dies.
  'distributed.scheduler.worker-saturation': 1.0,
  # What a worker has in memory is its network, which it can neither write to a
  # disk nor wait for to become less.
  'distributed.worker.memory.target': False,
  'distributed.worker.memory.spill': False,
  'distributed.worker.memory.pause': False,
}
# No pages on tasks and workers.
_NO_PAGES: dict[str, list[str]] = {
  'distributed.scheduler.http.routes': [],
  'distributed.worker.http.routes': [],
}
# For each worker on a CPU. The network uses several cores by itself.
_CORES, _BYTES = 2, 4 << 30
# Seconds to wait for the first worker of a cluster.
_PATIENCE = 120
_LOST = (
  'The scheduler of Dask was lost. Start it again, with its workers; the same '
  'command then does the rest.'
)


def num_workers() -> int:
  """Returns how many workers the cores and the memory of this machine allow."""
  cores = int(dask.system.CPU_COUNT) // _CORES
  return max(1, min(cores, int(distributed.system.MEMORY_LIMIT) // _BYTES))


@contextlib.contextmanager
def start(workers: int, *, dashboard: int | None) -> Iterator['Workers']:
  """Starts processes that end with the `with` block.

  Args:
    workers: number of processes, each of which does one task at a time.
    dashboard: port of Dask's page, which 127.0.0.1 serves; None: no page.

  Yields:
    An `attempt.Runner`. It listens on 127.0.0.1 alone, to who has the key that
    is drawn here.
  """
  config = _CONFIG if dashboard is not None else _CONFIG | _NO_PAGES
  # Where no page is served, Dask listens there nevertheless.
  address = f'127.0.0.1:{dashboard or 0}'
  with (
    dask.config.set(config),
    # What a killed one left is removed by the next.
    private_folder.PrivateFolder(ignore_errors=True) as folder,
    distributed.LocalCluster(
      n_workers=workers,
      threads_per_worker=1,
      # By default, its share would be that of its one thread.
      memory_limit=distributed.system.MEMORY_LIMIT // workers,
      host='127.0.0.1',
      # Others on this machine could otherwise connect, and run what they like.
      protocol='tls://',
      security=distributed.Security.temporary(),
      dashboard_address=None if dashboard is None else address,
      scheduler_kwargs={'dashboard_address': address},
      silence_logs='CRITICAL',
      local_directory=str(folder.path),
    ) as cluster,
    distributed.Client(cluster) as client,
  ):
    yield Workers(client)


@contextlib.contextmanager
def connect(address: str) -> Iterator['Workers']:
  """Connects to a scheduler that runs already, until the end of the block.

  Args:
    address: such as 'tls://10.0.0.1:8786'; Dask's own configuration names the
      certificates.

  Yields:
    An `attempt.Runner`.

  Raises:
    ValueError: there is no scheduler, no worker, or one with several threads.
  """
  # Of a lost scheduler it has a traceback to tell.
  logging.getLogger('distributed.client').setLevel(logging.CRITICAL)
  try:
    client = distributed.Client(address)
  # Of its many kinds of errors.
  except Exception as error:
    raise ValueError(
      f'--scheduler={address}: no scheduler of Dask answers '
      f'({type(error).__name__}). Start `dask scheduler` there; for tls://, '
      'give its certificates as docs/archive.md says.'
    ) from error
  with client:
    try:
      client.wait_for_workers(1, timeout=_PATIENCE)
    except TimeoutError as error:
      raise ValueError(
        f'--scheduler={address} has no worker after {_PATIENCE} s. Start '
        f'`dask worker {address} --nthreads=1`.'
      ) from error
    if threads := sum(x > 1 for x in client.nthreads().values()):
      raise ValueError(
        f'{threads} workers of {address} have several threads, so that a study '
        'that ends its process would take others with it. Start them with '
        '--nthreads=1.'
      )
    yield Workers(client)


class Workers:
  """The workers of a client, an `attempt.Runner`."""

  def __init__(self, client: distributed.Client):
    self.client = client

  def run(
    self,
    work: Callable[[_Item], Any],
    items: Sequence[_Item],
    on_done: Callable[[int, Any], None],
  ) -> None:
    """Does all tasks, as `attempt.Runner` says.

    Only a few are with the cluster at a time, so that its memory does not grow
    with their number. Workers may come and go.

    Raises:
      StopError: the scheduler was lost.
    """
    # Several clients may use one scheduler.
    prefix = secrets.token_hex(4)

    def submit(index: int, item: _Item) -> distributed.Future:
      key = f'{prefix}-{index}'
      return self.client.submit(attempt.attempt, work, item, key=key)

    left = itertools.starmap(submit, enumerate(items))
    with _losses_told():
      waiting = distributed.as_completed()
      while True:
        room = 2 * len(self.client.nthreads()) - waiting.count()
        waiting.update(list(itertools.islice(left, max(room, 1))))
        future = next(waiting, None)
        if future is None:
          return
        on_done(int(future.key.rpartition('-')[2]), _result(future))


@contextlib.contextmanager
def _losses_told() -> Iterator[None]:
  try:
    yield
  except (
    distributed.CancelledError,
    distributed.comm.core.CommClosedError,
    TimeoutError,
  ) as error:
    raise attempt.StopError(_LOST) from error


def _result(future: distributed.Future) -> Any:
  if future.cancelled():
    raise attempt.StopError(_LOST)
  error = future.exception()
  name = type(error).__name__
  return future.result() if error is None else attempt.Failed(name)
