# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes a checkpoint in the formats of other runtimes, and measures each."""

from collections.abc import Iterator, Sequence
import contextlib
import pathlib
import shutil

import tqdm

from bit_covid.base import disk
from bit_covid.export import description
from bit_covid.export import exportable
from bit_covid.export import formats as formats_lib
from bit_covid.export import parity
from bit_covid.models import ensemble
from bit_covid.weights import ensemble_checkpoint
from bit_covid.weights import find


def write(
  checkpoint: str,
  output: pathlib.Path,
  *,
  formats: Sequence[str],
  size: int | None = None,
  flips: bool = False,
) -> dict[str, dict[str, float]]:
  """Returns the differences of written exports, by format and number of images.

  Args:
    checkpoint: as for `bit_covid.load`; several with commas.
    output: folder in which each format gets a folder of its name.
    formats: keys of `formats.FORMATS`.
    size: side of the images in pixels; None: that of the training.
    flips: average the results of each image and its mirror image.

  Raises:
    FileExistsError: a folder exists already.
    OSError: an export could not be written; nothing is left of any.
    ValueError: checkpoint or size are invalid, or an export differs from the
      original; nothing is left of any.
  """
  modules = {name: formats_lib.import_format(name) for name in formats}
  _check_absent(output, formats)
  sources = find.find_checkpoints(checkpoint)
  loaded = ensemble_checkpoint.load(sources, flips=flips)
  model = exportable.create(loaded, size=size)
  _check_one_network(model, formats)
  cases = parity.cases(model)
  differences = {}
  # All or none, so that the same command can be given again.
  with contextlib.ExitStack() as folders:
    bar = tqdm.tqdm(modules.items(), 'Exporting', unit='format', disable=None)
    for name, module in bar:
      folder = folders.enter_context(_whole_folder(output / name))
      module.write(model, folder)
      differences[name] = parity.check(name, module.read(folder), cases)
      content = description.describe(
        model,
        name,
        packages=module.PACKAGES,
        differences=differences[name],
        sources=sources,
      )
      description.write(folder, content)
  return differences


def _check_one_network(
  model: exportable.Exportable, formats: Sequence[str]
) -> None:
  if 'npz' in formats and isinstance(model.model, ensemble.Ensemble):
    others = ','.join(x for x in formats_lib.FORMATS if x != 'npz')
    raise ValueError(
      f"--format=npz, BiT's format, holds one network, and this is "
      f'{model.model_name}; give --format={others} or some of these.'
    )


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
