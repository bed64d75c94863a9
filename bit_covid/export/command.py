# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command `export`: a checkpoint in the formats of other runtimes."""

import argparse
from collections.abc import Iterator, Sequence
import contextlib
import importlib
import pathlib
import shutil
import types

from bit_covid.base import command
from bit_covid.base import disk
from bit_covid.base import lines
from bit_covid.base import project
from bit_covid.export import description
from bit_covid.export import exportable
from bit_covid.export import parity
from bit_covid.weights import bit_npz
from bit_covid.weights import find

# Modules with `write`, `read` and `PACKAGES`; the texts of each are templates.
FORMATS = {
  'npz': 'bit_covid.export.npz_format',
  'stablehlo': 'bit_covid.export.stablehlo_format',
  'savedmodel': 'bit_covid.export.saved_model_format',
  'onnx': 'bit_covid.export.onnx_format',
}


def parse_formats(text: str) -> tuple[str, ...]:
  """Returns the formats of a comma-separated list; 'all' means all formats.

  Raises:
    ValueError: a name is not one of `FORMATS`.
  """
  names = tuple(dict.fromkeys(text.split(',')))
  if names == ('all',):
    return tuple(FORMATS)
  for name in names:
    if name not in FORMATS:
      raise ValueError(
        f'--format={text}: there is no format {name!r}; expected all, or '
        f'some of {", ".join(FORMATS)} with commas.'
      )
  return names


def import_format(name: str) -> types.ModuleType:
  """Returns the module of a format.

  Raises:
    ValueError: a package that it needs is not installed.
  """
  try:
    return importlib.import_module(FORMATS[name])
  except ModuleNotFoundError as error:
    raise ValueError(
      f'--format={name} needs the package {error.name!r}, which is not '
      f'installed: {project.install_command("onnx")}, or leave the format out.'
    ) from error


def export(
  checkpoint: str,
  output: pathlib.Path,
  *,
  formats: Sequence[str],
  size: int | None = None,
) -> dict[str, dict[str, float]]:
  """Returns the differences of written exports, by format and number of images.

  Args:
    checkpoint: as for `bit_covid.load`.
    output: folder in which each format gets a folder of its name.
    formats: keys of `FORMATS`.
    size: side of the images in pixels; None: that of the training.

  Raises:
    FileExistsError: a folder exists already.
    OSError: an export could not be written; nothing is left of any.
    ValueError: checkpoint or size are invalid, or an export differs from the
      original; nothing is left of any.
  """
  modules = {name: import_format(name) for name in formats}
  _check_absent(output, formats)
  source = find.find_checkpoint(checkpoint)
  model = exportable.create(bit_npz.load(source), size=size)
  cases = parity.cases(model)
  differences = {}
  # All or none, so that the same command can be given again.
  with contextlib.ExitStack() as folders:
    for name, module in modules.items():
      folder = folders.enter_context(_whole_folder(output / name))
      module.write(model, folder)
      differences[name] = parity.check(name, module.read(folder), cases)
      content = description.describe(
        model,
        name,
        packages=module.PACKAGES,
        differences=differences[name],
        source=source,
      )
      description.write(folder, content)
  return differences


def _check_absent(output: pathlib.Path, formats: Sequence[str]) -> None:
  for folder in (output / name for name in formats):
    if folder.exists():
      raise FileExistsError(
        f'{folder} exists already. Remove it, or give another --output.'
      )


@contextlib.contextmanager
def _whole_folder(target: pathlib.Path) -> Iterator[pathlib.Path]:
  """Yields a new folder that is renamed to `target` if nothing is raised."""
  partial = target.with_name(f'.{target.name}.partial')
  # Left by a process that was killed.
  shutil.rmtree(partial, ignore_errors=True)
  try:
    with disk.writing(target):
      partial.mkdir(parents=True)
      yield partial
      partial.rename(target)
  except BaseException:  # Also after Ctrl+C.
    shutil.rmtree(partial, ignore_errors=True)
    raise


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
  text = 'work directory, .npz file, or public name such as BiT-M-R50x1'
  add('checkpoint', metavar='CHECKPOINT', help=text)
  text = f'some of {",".join(FORMATS)} with commas, or all (default)'
  add('--format', default='all', help=text)
  add('--output', required=True, help='folder; each format is a folder in it')
  add('--size', type=int, help='side of the images; default: of the training')
  return parser


def _run(arguments: argparse.Namespace) -> int:
  output = pathlib.Path(arguments.output).expanduser()
  disk.check_folder(output, '--output')
  differences = export(
    arguments.checkpoint,
    output,
    formats=parse_formats(arguments.format),
    size=arguments.size,
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
