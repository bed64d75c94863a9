# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The one module that knows Dask: tasks, run by processes of this machine."""

from collections.abc import Callable, Iterable, Iterator
import contextlib
import itertools
from typing import Any, NamedTuple, TypeVar

import dask.config
import distributed

Client = distributed.Client
_Item = TypeVar('_Item')
_Result = TypeVar('_Result')

_CONFIG = {
  # What kills its worker is tried twice.
  'distributed.scheduler.allowed-failures': 1,
  # A worker holds one task, so that no other is blamed when it dies.
  'distributed.scheduler.worker-saturation': 1.0,
  # No pages on tasks and workers.
  'distributed.scheduler.http.routes': [],
  'distributed.worker.http.routes': [],
}


class Failed(NamedTuple):
  """A task without a result.

  Attributes:
    error: the name of the exception; its text could name a file.
  """

  error: str


@contextlib.contextmanager
def start(num_workers: int) -> Iterator[Client]:
  """Starts processes that end with the `with` block.

  Args:
    num_workers: number of processes, each of which runs one task at a time.

  Yields:
    What `run` needs. It listens on 127.0.0.1 alone, to who has the key that is
    drawn here, and serves no page.
  """
  with (
    dask.config.set(_CONFIG),
    distributed.LocalCluster(
      n_workers=num_workers,
      threads_per_worker=1,
      host='127.0.0.1',
      # Others on this machine could otherwise connect, and run what they like.
      protocol='tls://',
      security=distributed.Security.temporary(),
      dashboard_address=None,
      scheduler_kwargs={'dashboard_address': '127.0.0.1:0'},
      silence_logs='CRITICAL',
    ) as cluster,
    distributed.Client(cluster) as client,
  ):
    yield client


def run(
  client: Client,
  work: Callable[[_Item], _Result],
  items: Iterable[_Item],
  *,
  name: str,
) -> Iterator[tuple[int, _Result | Failed]]:
  """Yields the number of each item and what `work` returns, as they come.

  Only a few items are with the cluster at a time, so memory does not grow with
  their number.

  Args:
    client: of `start`.
    work: a function that a worker can import, or a partial one.
    items: one a task.
    name: of the tasks, to which their numbers are added.
  """

  def submit(number: int, item: _Item) -> distributed.Future:
    key = f'{name}-{number}'
    return client.submit(_attempt, work, item, key=key, pure=False)

  left = itertools.starmap(submit, enumerate(items))
  num_workers = len(client.scheduler_info(n_workers=-1)['workers'])
  first = itertools.islice(left, 2 * num_workers)
  completed = distributed.as_completed(first)
  for future in completed:
    yield int(future.key.rpartition('-')[2]), _result(future)
    for another in itertools.islice(left, 1):
      completed.add(another)


def once(
  client: Client, work: Callable[[_Item], _Result], item: _Item
) -> _Result:
  """Returns what one task returns; its error is raised as it is."""
  return client.submit(work, item, key='once', pure=False).result()


def _attempt(work: Callable[[_Item], _Result], item: _Item) -> _Result | Failed:
  # Dask would print the error and send its text, which may name a patient.
  try:
    return work(item)
  except Exception as error:
    return Failed(type(error).__name__)


def _result(future: distributed.Future) -> Any:
  error = future.exception()
  return future.result() if error is None else Failed(type(error).__name__)
