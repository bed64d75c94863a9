# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The arguments of `bit-covid archive`; other modules do the work."""

import argparse
from collections.abc import Sequence
import contextlib
import os
import pathlib

from bit_covid.archive import attempt
from bit_covid.archive import processes
from bit_covid.archive import shard
from bit_covid.archive import source
from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import disk

_STOPPED = (
  'Stopped. Parts that were complete stay; the same command does the rest.'
)


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after scoring an archive or what else is asked."""
  return command.main(
    _parser(),
    lambda arguments: arguments.work(arguments),
    argv,
    failures=(attempt.StopError,),
    stopped=_STOPPED,
  )


def _parser() -> command.Parser:
  parser = command.make_parser(
    'bit_covid.archive',
    description='Scores all studies of an archive, in several processes. '
    'Research software, not a medical device.',
    examples=(
      'predict EXPORT --checkpoint=runs/bit_m --output=scored',
      'Each task of an array of SLURM does its share:\n'
      'index EXPORT --output=studies.csv',
      'predict studies.csv --checkpoint=runs/bit_m --output=scored --shard=0/9',
      'What there is by now:\nsummary scored',
    ),
    notes='It writes the tables of `predict` as Parquet, and no pages. The '
    'same command goes\non with what is left after an interruption.',
  )
  actions = parser.add_subparsers(required=True, metavar='ACTION')
  common = command.Parser(add_help=False)
  common.add_argument('--debug', action='store_true', default=argparse.SUPPRESS)

  def add(name: str, help_: str) -> argparse.ArgumentParser:
    return actions.add_parser(
      name, help=help_, description=help_, parents=[common]
    )

  predict = add('predict', 'score all studies')
  predict.set_defaults(work=_predict)
  _add_source(predict)
  arguments_lib.add_scoring(predict)
  predict.add_argument(
    '--output',
    required=True,
    type=pathlib.Path,
    help='a new or empty folder, or that of the same command, which goes on',
  )
  predict.add_argument(
    '--key',
    type=pathlib.Path,
    metavar='FOLDER',
    help='also write which id in the results is which file and patient, into '
    'a folder outside of the results',
  )
  _add_processes(predict)
  index = add('index', 'list the studies in a CSV, which names files')
  index.set_defaults(work=_index, shard=None)
  _add_source(index)
  index.add_argument(
    '--output', required=True, type=pathlib.Path, help='a new CSV'
  )
  _add_workers(index)
  summary = add('summary', 'say what results hold, and which are missing')
  summary.set_defaults(work=_summary)
  summary.add_argument('folder', type=pathlib.Path, help='of the results')
  return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
  parser.add_argument(
    'source',
    metavar='SOURCE',
    help='a folder of studies, a pattern of files and folders in quotes, or a '
    'CSV with the columns study and path',
  )


def _add_processes(parser: argparse.ArgumentParser) -> None:
  _add_workers(parser)
  parser.add_argument(
    '--shard',
    metavar='I/N',
    help='do a share of the archive in this process, without Dask: that of '
    'process I, from 0, of N; default: that of a task of SLURM, if it is one '
    'of an array',
  )


def _add_workers(parser: argparse.ArgumentParser) -> None:
  parser.add_argument(
    '--workers',
    type=int,
    help='number of processes, each with the network in its memory; default: '
    'one for two cores and 4 GiB of memory',
  )
  parser.add_argument(
    '--scheduler',
    metavar='ADDRESS',
    help="of a cluster of Dask that runs, such as 'tls://10.0.0.1:8786'",
  )
  parser.add_argument(
    '--dashboard',
    type=int,
    metavar='PORT',
    help="serve Dask's page on its processes on 127.0.0.1; default: no page",
  )


def _predict(arguments: argparse.Namespace) -> int:
  is_alone = arguments.workers is None and arguments.scheduler is None
  arguments.shard = (
    shard.find(arguments.shard, os.environ)
    if arguments.shard or is_alone
    else None
  )
  _check(arguments)
  disk.check_folder(arguments.output, '--output')
  if arguments.key is not None:
    arguments_lib.check_apart(arguments.key, '--key', arguments.output)
    arguments_lib.check_apart(
      arguments.output, '--output', arguments.key, '--key'
    )
    disk.check_folder(arguments.key, '--key')
  if not (arguments.output / 'call.json').exists():
    _check_unused(arguments.output)
  # Not at the top, as `--help` need not wait for it.
  from bit_covid.weights import find

  find.check_checkpoints(arguments.checkpoint)
  # After the checks, as they take seconds to load.
  from bit_covid.archive import score_archive
  from bit_covid.training import run_lock

  if arguments.key is not None:
    arguments.key.mkdir(mode=0o700, parents=True, exist_ok=True)
  with contextlib.ExitStack() as stack:
    # Shards write into one folder at the same time, each its own files.
    if arguments.shard is None:
      stack.enter_context(run_lock.hold(arguments.output, flag='--output'))
    runner = stack.enter_context(processes.start(arguments))
    return score_archive.run(arguments, runner)


def _index(arguments: argparse.Namespace) -> int:
  _check(arguments)
  disk.check_folder(arguments.output.parent, '--output')
  if arguments.output.exists() or arguments.output.suffix.lower() != '.csv':
    raise ValueError(
      f'--output={arguments.output}; expected a new file with the ending .csv.'
    )
  # After the checks, as it takes seconds to load.
  from bit_covid.archive import score_archive

  with processes.start(arguments) as runner:
    return score_archive.write_index(arguments, runner)


def _summary(arguments: argparse.Namespace) -> int:
  processes.check_packages('pyarrow')
  # Not at the top, as `--help` need not wait for them.
  from bit_covid.archive import parts
  from bit_covid.archive import summary

  is_right = summary.say(arguments.folder)
  has_all = not parts.Parts(arguments.folder).missing()
  return 0 if is_right and has_all else command.NOT_DONE


def _check(arguments: argparse.Namespace) -> None:
  """Checks what takes no time.

  Raises:
    ValueError: arguments do not fit together, or a package is missing.
  """
  source.check(arguments.source)
  given = [
    f'--{name}'
    for name in ('workers', 'scheduler', 'shard')
    if getattr(arguments, name) is not None
  ]
  if len(given) > 1:
    raise ValueError(f'{" and ".join(given)} exclude each other; give one.')
  if arguments.workers is not None and arguments.workers < 1:
    raise ValueError(f'--workers={arguments.workers}; expected 1 or more.')
  needed = ['pyarrow']
  if arguments.shard is None:
    needed += ['cryptography', 'distributed']
  if arguments.dashboard is not None:
    needed += ['bokeh']
  processes.check_packages(*needed)


def _check_unused(folder: pathlib.Path) -> None:
  # A command that was killed as it began may have left no more than these.
  names = [x.name for x in folder.iterdir()] if folder.is_dir() else []
  if not all(x.startswith(('run.lock', '.call.json.')) for x in names):
    arguments_lib.check_new_folder(folder)
