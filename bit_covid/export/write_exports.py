# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes a checkpoint in the formats of other runtimes, and measures each."""

from collections.abc import Iterator, Sequence
import contextlib
import pathlib
import shutil

from bit_covid.base import disk
from bit_covid.export import description
from bit_covid.export import exportable
from bit_covid.export import formats as formats_lib
from bit_covid.export import parity
from bit_covid.weights import bit_npz
from bit_covid.weights import find


def write(
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
    formats: keys of `formats.FORMATS`.
    size: side of the images in pixels; None: that of the training.

  Raises:
    FileExistsError: a folder exists already.
    OSError: an export could not be written; nothing is left of any.
    ValueError: checkpoint or size are invalid, or an export differs from the
      original; nothing is left of any.
  """
  modules = {name: formats_lib.import_format(name) for name in formats}
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
