# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks and measures this project on a GPU or a TPU, beside PyTorch.

    python -m benchmarks.accelerator --quick

The same command goes on where it was stopped. benchmarks/README.md says what
each row means.
"""

import argparse
from collections.abc import Mapping
import importlib.metadata
import importlib.util
import os
import pathlib
import sys
import time
from typing import Any

import jax

from benchmarks import turns
from benchmarks.accelerator import comparison
from benchmarks.accelerator import rows
from benchmarks.accelerator import table
from benchmarks.accelerator import worker

_QUICK_MINUTES = 4
_PACKAGES = ('jax', 'jaxlib', 'libtpu', 'torch', 'timm', 'transformers')


def main() -> int:
  """Returns the exit code: 1 if a check fails."""
  flags = _parse_flags()
  if flags.table:
    print(table.markdown(rows.read(pathlib.Path(flags.table))))
    return 0
  minutes = _QUICK_MINUTES if flags.quick else flags.minutes
  end = time.monotonic() + 60 * minutes
  environment = {
    **os.environ,
    # Programs that take turns share the card.
    'XLA_PYTHON_CLIENT_PREALLOCATE': 'false',
    'XLA_PYTHON_CLIENT_MEM_FRACTION': '.95',
  }
  # This process counts operations, and must not hold the card.
  jax.config.update('jax_platforms', 'cpu')
  device = _ask('facts', environment, end)
  path = pathlib.Path(flags.json)
  results = rows.Results(path, _facts(device, flags.turns))
  print(f'{device["devices"]} x {device["device"]}; results go to {path}.')
  if flags.checks and not _is_correct(results, environment, end):
    return 1
  on_gpu = device['platform'] == 'gpu'
  if on_gpu:
    # PyTorch uses one card, so this project is measured on one, too.
    visible = os.environ.get('CUDA_VISIBLE_DEVICES', '0')
    environment['CUDA_VISIBLE_DEVICES'] = visible.split(',')[0]
  measure = comparison.Comparison(environment, turns=flags.turns)
  lacking = flags.no_peer or comparison.lacking_peer(device['platform'])
  if lacking:
    print(f'PyTorch is left out: {lacking}')
  left_out = _measure_all(flags, results, measure, end, on_gpu, not lacking)
  print(table.markdown(rows.read(path)))
  for row in left_out:
    print(f'Left out, as the {minutes:g} minutes were over: {row}')
  return 0


def _parse_flags() -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument(
    '--quick', action='store_true', help=f'end in {_QUICK_MINUTES} minutes'
  )
  parser.add_argument('--minutes', type=float, default=24 * 60, help='end then')
  parser.add_argument('--turns', type=int, default=5, help='of each program')
  parser.add_argument('--json', metavar='FILE', default='accelerator.jsonl')
  parser.add_argument('--table', metavar='FILE', help='only show a table')
  parser.add_argument(
    '--no_peer',
    action='store_const',
    const='as --no_peer says.',
    help='leave PyTorch out',
  )
  # For a test, as the checks have one of their own.
  parser.add_argument(
    '--no_checks', dest='checks', action='store_false', help=argparse.SUPPRESS
  )
  for name, default in (
    ('models', ['R50x1', 'R101x3']),
    ('tasks', ['train', 'forward', 'end to end']),
    ('precisions', ['bfloat16', 'tf32', 'float32']),
  ):
    parser.add_argument(f'--{name}', nargs='+', default=default)
  parser.add_argument('--sides', type=int, nargs='+', default=[480, 224])
  parser.add_argument(
    '--batches',
    type=int,
    nargs='+',
    help='by default 32, then doubled until the memory is full',
  )
  return parser.parse_args()


def _facts(device: Mapping[str, Any], num_turns: int) -> dict[str, Any]:
  versions = {}
  for name in _PACKAGES:
    if importlib.util.find_spec(name):
      versions[name] = importlib.metadata.version(name)
  return {
    'commit': turns.commit(),
    **device,
    **versions,
    'turns': num_turns,
    'xla_flags': os.environ.get('XLA_FLAGS', ''),
  }


def _ask(
  job: str, environment: Mapping[str, str], end: float, **arguments: Any
) -> dict[str, Any]:
  """Returns the only answer of a process.

  Raises:
    SystemExit: the process failed, or was not done in time.
  """
  with worker.Worker(job, environment=environment, **arguments) as process:
    try:
      answer = process.ask(until=end)
    except TimeoutError:
      sys.exit(f'The job {job!r} was not done in time; give more --minutes.')
  if 'failed' in answer:
    sys.exit(f'The job {job!r} failed: {answer["failed"]}')
  return answer


def _is_correct(
  results: rows.Results, environment: Mapping[str, str], end: float
) -> bool:
  """Returns whether no check fails, and prints each."""
  identity = {'task': 'correctness'}
  found = results.find(identity)
  if found is None:
    found = _ask('correctness', environment, end)
    if all(x['passed'] is not False for x in found['checks']):
      results.add(identity, found)
  words = {True: 'pass', False: 'FAIL', None: 'not checked, one card'}
  for check in found['checks']:
    print(
      f'{words[check["passed"]]}: {check["name"]}, difference '
      f'{check["difference"]}, at most {check["tolerance"]}'
    )
  return all(x['passed'] is not False for x in found['checks'])


def _measure_all(
  flags: argparse.Namespace,
  results: rows.Results,
  measure: comparison.Comparison,
  end: float,
  on_gpu: bool,
  with_peer: bool,
) -> list[str]:
  """Returns the rows for which there was no time, and measures the others."""
  batches = flags.batches or rows.doublings(32)
  plan = rows.plan(
    models=flags.models,
    sides=flags.sides,
    tasks=flags.tasks,
    precisions=[x for x in flags.precisions if on_gpu or x != 'tf32'],
    batches=batches,
    on_gpu=on_gpu,
    with_peer=with_peer,
  )
  for row in plan:
    if results.is_done(row) or results.is_too_large(row):
      continue
    print(row, flush=True)
    if not measure.run(row, results, until=end):
      # What is not listed are larger batches of the same rows.
      return [str(x) for x in (row, *plan) if x.batch == batches[0]]
  return []


if __name__ == '__main__':
  sys.exit(main())
