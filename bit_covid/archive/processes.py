# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The processes that do the work: of Dask, here or elsewhere, or without it."""

import argparse
from collections.abc import Iterator
import contextlib
from importlib import util

from bit_covid.archive import attempt
from bit_covid.base import lines
from bit_covid.base import project


def check_packages(*names: str) -> None:
  """Checks that packages are installed.

  Raises:
    ValueError: one is not. The message says how to install it.
  """
  for name in names:
    if util.find_spec(name) is None:
      remedy = (
        "pip install 'bokeh', or leave --dashboard out."
        if name == 'bokeh'
        else project.install_command('archive')
      )
      raise ValueError(
        f'archive needs the package {name!r}, which is not installed: {remedy}'
      )


@contextlib.contextmanager
def start(arguments: argparse.Namespace) -> Iterator[attempt.Runner]:
  """Starts the processes that the arguments of the command ask for.

  Args:
    arguments: with `workers`, `scheduler`, `shard` and `dashboard`.

  Yields:
    What does the work, until the end of the block.
  """
  if arguments.shard is not None:
    # Not at the top, as `--help` need not wait for it.
    from bit_covid.archive import without_dask

    yield without_dask.Processes()
    return
  # Not at the top, as it may not be installed.
  from bit_covid.archive import cluster

  if arguments.scheduler is not None:
    if not arguments.scheduler.startswith('tls://'):
      lines.say(
        'Note: what the scheduler and its workers say to each other, such as '
        'names of files, is not encrypted; see TLS in docs/archive.md.'
      )
    with cluster.connect(arguments.scheduler) as runner:
      yield runner
    return
  workers = arguments.workers or cluster.num_workers()
  with cluster.start(workers, dashboard=arguments.dashboard) as runner:
    lines.say(f'Processes: {workers}, on this machine')
    if arguments.dashboard is not None:
      lines.say(f'Dashboard: http://127.0.0.1:{arguments.dashboard}/status')
    yield runner
