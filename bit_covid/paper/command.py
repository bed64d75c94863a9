# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line of `python -m bit_covid.paper`."""

import argparse
import ast
from collections.abc import Sequence
import pathlib
import re
from typing import Any

from absl import logging

from bit_covid.base import command
from bit_covid.base import host_memory
from bit_covid.paper import grid

_EXAMPLES = (
  'What it would cost, and nothing else:\nall --workdir=paper --dry_run',
  'A table, with five runs of each setting:\n'
  'table3 --workdir=paper --data=COVIDX_FOLDER --seeds=5 '
  '--set model.dtype=bfloat16',
  'On the third of eight machines that share no disk:\n'
  'figure6 --workdir=paper --data=COVIDX_FOLDER --shard=3/8',
  'All of it in small, without any data:\n'
  'all --workdir=paper_demo --scale=demo',
)
_NOTES = """\
Runs that are finished are not repeated, interrupted ones go on. Machines with a
shared disk need no --shard: start the same command on each.
"""


def _at_least_one(text: str) -> int:
  number = int(text)
  if number < 1:
    raise argparse.ArgumentTypeError(f'{text}: expected 1 or more')
  return number


def _shard(text: str) -> tuple[int, int]:
  match = re.fullmatch(r'([0-9]+)/([0-9]+)', text)
  index, count = map(int, match.groups()) if match else (0, 0)
  if not 1 <= index <= count:
    raise argparse.ArgumentTypeError(f'{text}: expected 1/8 to 8/8, say')
  return index, count


def _setting(text: str) -> tuple[str, Any]:
  name, separator, value = text.partition('=')
  if not separator:
    raise argparse.ArgumentTypeError(f'{text}: expected FIELD=VALUE')
  try:
    return name, ast.literal_eval(value)
  except (ValueError, SyntaxError):
    return name, value  # Text without quotation marks.


def _named_folder(text: str) -> tuple[str, pathlib.Path]:
  name, separator, folder = text.partition('=')
  if not separator or not pathlib.Path(folder).is_dir():
    raise argparse.ArgumentTypeError(f'{text}: expected NAME=FOLDER')
  return name, pathlib.Path(folder)


# What is to be made, of which runs, and how much of it is done.
_ARGUMENTS = {
  'items': {
    'nargs': '+',
    'choices': [*grid.ITEMS, 'all'],
    'metavar': 'ITEM',
    'help': f'{", ".join(grid.ITEMS)}, or all',
  },
  '--workdir': {
    'required': True,
    'type': pathlib.Path,
    'help': 'folder of all results',
  },
  '--scale': {
    'choices': ('paper', 'sample', 'demo'),
    'default': 'paper',
    'help': 'paper: the real thing; sample: some real slices; demo: drawn '
    'ones; default: %(default)s',
  },
  '--data': {'help': 'folder of COVIDx CT'},
  '--covidnet': {
    'action': 'append',
    'default': [],
    'type': _named_folder,
    'metavar': 'NAME=FOLDER',
    'help': 'results of python -m bit_covid.paper.covidnet, as one more row',
  },
  '--seeds': {
    'type': _at_least_one,
    'default': 1,
    'help': 'runs of each setting, default: %(default)s',
  },
  '--few_shot_seeds': {
    'type': _at_least_one,
    'help': 'runs of each setting of Figure 8, default: 5, and 3 at small '
    'scales',
  },
  '--sweeps': {
    'action': 'store_true',
    'help': "Figure 6 as the paper's two sweeps, not as all 32 combinations",
  },
  '--set': {
    'action': 'append',
    'default': [],
    'type': _setting,
    'metavar': 'FIELD=VALUE',
    'help': 'a field of the config of all runs, such as model.dtype=bfloat16',
  },
  '--shard': {
    'type': _shard,
    'default': (1, 1),
    'metavar': 'I/N',
    'help': 'part I of N',
  },
  '--images_per_second': {
    'type': float,
    'metavar': 'SPEED',
    'help': "of training at the scale's largest resolution, as a run prints "
    'it: tells hours before the first run',
  },
  '--dry_run': {
    'action': 'store_true',
    'help': 'show what is left and what it costs, and stop',
  },
  '--commands': {
    'action': 'store_true',
    'help': 'print a command for each run that is left, for a scheduler, and '
    'stop',
  },
  '--collect': {
    'action': 'store_true',
    'help': 'make tables and figures of the runs that are finished, and no run',
  },
  '--keep_checkpoints': {
    'action': 'store_true',
    'help': 'also of finished runs (the networks are kept in any case)',
  },
}


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code after doing what the arguments ask for."""
  parser = command.make_parser(
    'bit_covid.paper',
    description='Makes tables and figures of the paper: their runs, then a '
    'CSV, a markdown table and a picture of each.',
    examples=_EXAMPLES,
    notes=_NOTES.rstrip(),
  )
  for name, options in _ARGUMENTS.items():
    parser.add_argument(name, **options)
  return command.main(
    parser,
    _run,
    argv,
    # Raised by --set with a value of the wrong type.
    errors=(TypeError,),
    stopped='Stopped. The same command goes on from here.',
  )


def _run(arguments: argparse.Namespace) -> int:
  host_memory.keep_freed()  # Before TensorFlow and JAX start their threads.
  # TensorFlow and JAX come with these and take seconds to load, so they are not
  # loaded before the arguments are known to be right.
  from bit_covid.base import compilation_cache
  from bit_covid.paper import session

  logging.set_verbosity(logging.WARNING)
  compilation_cache.enable()
  return session.run(arguments)
