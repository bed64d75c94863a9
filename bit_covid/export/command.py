# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line of the exports."""

import argparse
from collections.abc import Sequence
import pathlib

from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import disk
from bit_covid.base import lines
from bit_covid.export import formats


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after writing the exports."""
  return command.main(_parser(), _run, argv)


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.export',
    description='Writes a checkpoint for other runtimes and measures each.',
    examples=(
      'runs/bit_m --output=exported',
      'runs/bit_m --format=onnx,npz --output=exported',
      'BiT-M-R50x1 --format=savedmodel --size=224 --output=exported',
    ),
  )
  add = parser.add_argument
  text = (
    'work directory, .npz file, or public name such as BiT-M-R50x1; several '
    'with commas are an ensemble'
  )
  add('checkpoint', metavar='CHECKPOINT', help=text)
  arguments_lib.add_flips(parser)
  text = f'some of {",".join(formats.FORMATS)} with commas, or all (default)'
  add('--format', default='all', help=text)
  add('--output', required=True, help='folder; each format is a folder in it')
  add('--size', type=int, help='side of the images; default: of the training')
  return parser


def _run(arguments: argparse.Namespace) -> int:
  output = pathlib.Path(arguments.output).expanduser()
  disk.check_folder(output, '--output')
  names = formats.parse_formats(arguments.format)
  # Not at the top, as `--help` need not wait for it.
  from bit_covid.weights import find

  find.check_checkpoints(arguments.checkpoint)
  # After the checks, as it takes seconds to load.
  from bit_covid.export import write_exports

  differences = write_exports.write(
    arguments.checkpoint,
    output,
    formats=names,
    size=arguments.size,
    flips=arguments.flips,
  )
  for name, by_batch in differences.items():
    files = [path for path in (output / name).rglob('*') if path.is_file()]
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    lines.say(
      f'{name}: {output / name}, {megabytes:.1f} MB, '
      f'largest difference {max(by_batch.values()):.1e} '
      f'(batches of {" and ".join(by_batch)})'
    )
  return 0
