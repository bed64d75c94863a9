# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks an installation, checkpoints and work directories.

bit-covid verify
bit-covid verify runs/bit_m model.npz
"""

import argparse
from collections.abc import Sequence
import pathlib
import sys

from bit_covid.base import command


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after printing the results of the checks."""
  parser = command.make_parser(
    'bit_covid.cli.verify',
    description='Checks that files are whole and fit together; without a '
    'name, that the installation computes what it should.',
    examples=(
      '',
      'A work directory, a file, a public checkpoint:\n'
      'runs/bit_m model.npz BiT-M-R50x1',
    ),
    notes='Exit code 1: a check failed.',
  )
  parser.add_argument(
    'names',
    nargs='*',
    metavar='NAME',
    help='work directory, .npz file, or public name, which is downloaded if '
    'it was not before; none: the installation',
  )
  return command.main(parser, _run, argv)


def _run(arguments: argparse.Namespace) -> int:
  # Not at the top, as `--help` need not wait for it.
  from bit_covid.weights import find

  for name in arguments.names:
    if not pathlib.Path(name).expanduser().is_dir():
      find.check_checkpoint(name)
  # After the checks, as it takes seconds to load.
  from bit_covid.analysis import terminal
  from bit_covid.cli import verification

  has_failed = False
  for name in arguments.names or ['']:
    folder = pathlib.Path(name).expanduser()
    if not name:
      checks = verification.installation()
    elif folder.is_dir():
      checks = verification.work_directory(folder)
    else:
      checks = verification.checkpoint(name)
    view = terminal.new_text_table('Result', 'Check', 'What was found')
    for each in checks:
      terminal.add_row(view, each.result, each.name, each.detail)
    failed = sum(each.result == 'FAILED' for each in checks)
    has_failed |= bool(failed)
    result = f'{failed} failed.' if failed else 'Nothing failed.'
    terminal.show(name or 'Installation', view, result)
  return command.NOT_DONE if has_failed else 0


if __name__ == '__main__':
  sys.exit(main())
