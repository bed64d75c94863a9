# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line of the model card."""

import argparse
from collections.abc import Sequence
import pathlib

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import lines


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after writing the card of a run."""
  return command.main(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.card',
    description='Writes the model card of a run and the checklists CLAIM, '
    'TRIPOD+AI, STARD-AI and PROBAST+AI into RUN/card, as far as the files of '
    'the run answer them. What only a person can know is marked TO FILL.',
    examples=('runs/bit_m',),
    notes='Before it: bit-covid audit DATASET --run=RUN, which answers more.',
  )
  parser.add_argument(
    'workdir',
    metavar='RUN',
    type=pathlib.Path,
    help='work directory of a run, with a report',
  )
  return parser


def _run(arguments: argparse.Namespace) -> int:
  arguments_lib.check_exist(
    arguments.workdir, expected='the work directory of a run'
  )
  # After the checks, as it takes seconds to load.
  from bit_covid.card import write_card

  for each in write_card.write(arguments.workdir):
    lines.say(f'{each.title}: {each.counts}')
  lines.say(str(arguments.workdir / 'card' / 'index.html'))
  return 0
