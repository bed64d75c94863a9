# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs the trials that are named, or all, and prints one table.

The exit code is 1 if anything differed, was left behind or was not tried.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
import importlib
import os
import pathlib
import pkgutil
import shutil
import signal
import sys
import tempfile
import time
import traceback
from unittest import mock

from bit_covid.base import stop_signals
from tests import trials
from tests.trials import frame
from tests.trials.frame import rows as rows_lib

RunFn = Callable[..., list[frame.Row]]


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code after running trials as the arguments say."""
  arguments = _parser().parse_args(argv)
  names = arguments.names or known()
  # A shell lets programs in its background ignore some signals, and so do the
  # programs that they start.
  for signum in stop_signals.SIGNALS:
    if signal.getsignal(signum) == signal.SIG_IGN:
      signal.signal(signum, signal.SIG_DFL)
  # Imported before the first one runs, which may take an hour.
  found = {name: _load(name) for name in names}
  return run(found, amount=arguments.amount, seed=arguments.seed)


def known() -> list[str]:
  """Returns the names of all trials."""
  return [
    x.name
    for x in pkgutil.iter_modules(trials.__path__)
    if not x.ispkg and not x.name.startswith(('_', 'test_'))
  ]


def run(found: Mapping[str, RunFn], *, amount: int | None, seed: int) -> int:
  """Returns the exit code after running trials, given by name.

  `amount` None is that of a whole run, which each trial knows.
  """
  options = {} if amount is None else {'amount': amount}
  results = {}
  for name, trial in found.items():
    print(f'{name}: started', file=sys.stderr, flush=True)
    start = time.monotonic()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix='bit_covid_trial'))
    results[name] = _try(trial, seed=seed, scratch=scratch, **options)
    minutes = (time.monotonic() - start) / 60
    print(f'{name}: {minutes:.1f} min', file=sys.stderr, flush=True)
    if all(x.is_right for x in results[name]):
      shutil.rmtree(scratch)
    else:
      print(f'{name}: its files are in {scratch}', file=sys.stderr)
  print(rows_lib.table(results))
  return int(not all(x.is_right for rows in results.values() for x in rows))


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    'python -m tests.trials',
    description='Tries what docs/reliability.md promises, in many ways.',
  )
  parser.add_argument(
    'names', nargs='*', metavar='NAME', help=f'{", ".join(known())}; all'
  )
  parser.add_argument('--amount', type=int, help='tries; default: a whole run')
  parser.add_argument('--seed', type=int, default=0, help='default: 0')
  return parser


def _load(name: str) -> RunFn:
  if name not in known():
    raise SystemExit(f'There is no trial {name!r}: {", ".join(known())}.')
  return importlib.import_module(f'tests.trials.{name}').run


def _try(trial: RunFn, **options: object) -> list[frame.Row]:
  """Returns the rows of a trial; the table is printed even if one fails."""
  try:
    # A trial may set variables for its processes.
    with mock.patch.dict(os.environ):
      return trial(**options) or [frame.Row(place='any')]
  except Exception as error:
    traceback.print_exc()
    return [frame.Row(place='any', tries=1, differences=[repr(error)])]


if __name__ == '__main__':
  sys.exit(main())
