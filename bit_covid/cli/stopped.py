# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What `bit-covid train` says if it is stopped between two steps."""

import os
import pathlib


def text(workdir: str | os.PathLike[str] | None) -> str:
  """Returns from where the same command goes on; None: from no folder."""
  # A cross-validation has a folder for each of its trainings.
  found = []
  if workdir:
    folders = [*pathlib.Path(workdir).glob('fold_*'), pathlib.Path(workdir)]
    found = [y.name for x in folders for y in x.glob('checkpoints/*')]
  if any(map(str.isdigit, found)):
    return 'Stopped. The same command goes on from the last checkpoint.'
  return 'Stopped before the first checkpoint: the same command starts anew.'
