# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores scans: images, DICOM, NIfTI, zip archives, or folders of them.

    python -m bit_covid.predict study/ --checkpoint=runs/bit_m --output=results

These are its options; `cli.predict_scans` does the work.

Research software, not a medical device.
"""

import argparse
from collections.abc import Sequence
import sys

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.scoring import unfinished

_STOPPED = (
  'Stopped. Scans that were finished stay; the same command goes on with the '
  'others.'
)


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after scoring the scans."""
  parser = command.make_parser(
    'bit_covid.predict',
    description='Scores scans. Research software, not a medical device.',
    examples=(
      'STUDY --checkpoint=runs/bit_m --output=results',
      'Each image a scan of its own:\n'
      'slices/*.png --checkpoint=model.npz --output=results --images_are_scans',
    ),
    notes='It writes index.html, a page a scan, and tables; see README.txt '
    'there.\nThe same command goes on with what is left after an interruption.',
  )
  parser.add_argument(
    'paths',
    nargs='+',
    metavar='PATH',
    help='PNG, JPEG, DICOM (.dcm or no ending) or NIfTI (.nii, .nii.gz) '
    'files, zip archives of them, and folders',
  )
  arguments_lib.add_scoring(parser)
  arguments_lib.add_new_folder(parser)
  parser.add_argument(
    '--images_are_scans',
    action='store_true',
    help='each PNG or JPEG is a scan of its own; else those of one folder are '
    'one scan',
  )
  parser.add_argument(
    '--jobs',
    type=int,
    default=1,
    help='number of processes that score scans at the same time, each with '
    'the network in its memory; default: 1',
  )
  arguments_lib.add_clinic(parser)
  return command.main(parser, _run, argv, stopped=_STOPPED)


def _run(arguments: argparse.Namespace) -> int:
  if arguments.jobs < 1:
    raise ValueError(f'--jobs={arguments.jobs}; expected 1 or more.')
  goes_on = unfinished.exists(arguments.output)
  if not goes_on:
    arguments_lib.check_new_folder(arguments.output)
  arguments_lib.check_clinic(arguments, goes_on=goes_on)
  arguments_lib.check_exist(
    *arguments.paths, expected='files or folders of scans'
  )
  # Not at the top, as `--help` need not wait for them.
  from bit_covid.base import host_memory
  from bit_covid.weights import find

  find.check_checkpoints(arguments.checkpoint)
  host_memory.keep_freed()  # Before JAX starts its threads.
  # After the checks, as it takes seconds to load.
  from bit_covid.cli import predict_scans
  from bit_covid.training import run_lock

  with run_lock.hold(arguments.output, flag='--output'):
    code = predict_scans.run(arguments)
  # Only once the lock is gone: results with a lock but without this record
  # would be refused after a kill.
  unfinished.remove(arguments.output)
  return code


if __name__ == '__main__':
  sys.exit(main())
