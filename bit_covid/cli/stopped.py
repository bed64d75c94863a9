# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What `bit-covid train` says if it is stopped between two steps."""

import os
import pathlib


def text(workdir: str | os.PathLike[str]) -> str:
  """Returns from where the same command goes on."""
  folder = pathlib.Path(workdir, 'checkpoints')
  steps = [int(x.name) for x in folder.glob('*') if x.name.isdigit()]
  if not steps:
    return 'Stopped before the first checkpoint: the same command starts anew.'
  return (
    f'Stopped. The same command goes on from the checkpoint of step '
    f'{max(steps):,}.'
  )
