# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files of a checkpoint: checksums when it is saved, remains if it fails.

`checkpoints.py` decides what is saved and restored.
"""

import asyncio
import shutil
import time

from etils import epath
import jax
import orbax.checkpoint as ocp

from bit_covid.base import checksums

# Of the rest of a failed save.
_REMOVALS = 50
_SECONDS_BETWEEN_REMOVALS = 0.1


def remove_unfinished(folder: epath.Path) -> None:
  """Removes what a failed save left, and what is written of it meanwhile.

  TensorStore goes on with the other arrays, in threads that nobody waits for.
  """
  if jax.process_index():
    return
  for _ in range(_REMOVALS):
    left = list(folder.glob('*.orbax-checkpoint-tmp*'))
    if not left:
      return
    for path in left:
      shutil.rmtree(path, ignore_errors=True)
    time.sleep(_SECONDS_BETWEEN_REMOVALS)


def with_checksums(
  folder: epath.Path,
) -> type[ocp.path.atomicity_types.TemporaryPath]:
  """Returns Orbax's way to commit a checkpoint, preceded by its checksums."""
  base = ocp.path.atomicity_defaults.get_default_temporary_path_class(folder)

  class WithChecksums(base):
    """A checkpoint that is being written, in a thread of the first host."""

    async def finalize(self) -> None:
      # Orbax uses the class for the folders in a checkpoint too.
      is_checkpoint = self.get_final().parent == folder
      if is_checkpoint:
        found = await asyncio.to_thread(_sum_arrays, self.get())
        checksums.write(self.get(), found)
      await super().finalize()
      if is_checkpoint:
        await asyncio.to_thread(_add_others, self.get_final(), found)

  return WithChecksums


def _sum_arrays(folder: epath.Path) -> dict[str, str]:
  """Returns the checksums of the arrays, which lie in folders."""
  folders = [x for x in folder.iterdir() if x.is_dir()]
  paths = [y for x in folders for y in checksums.files_in(x)]
  return checksums.of_files(folder, paths)


def _add_others(folder: epath.Path, arrays: dict[str, str]) -> None:
  """Adds the files that Orbax changes beside the arrays when it commits.

  They are not in the list before, so that a checkpoint is sound at any moment.
  """
  paths = [x for x in folder.iterdir() if x.is_file()]
  paths = [x for x in paths if x.name != checksums.FILE_NAME]
  # The arrays come last: a list that is cut off lacks one of them.
  checksums.write(folder, checksums.of_files(folder, paths) | arrays)
