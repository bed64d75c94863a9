# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A command that does all wrong that the trials of crashes should find."""

import os
import pathlib


def write(folder: pathlib.Path) -> int:
  """Writes a file in two parts, and a temporary one in a name of its own."""
  result, temporary = folder / 'result', folder / f'{os.getpid()}.partial'
  if not result.exists():
    result.write_text('half')
    (folder / 'other').mkdir(exist_ok=True)
    result.write_text('half of it, and the other half')
  temporary.write_text('')
  temporary.unlink()
  return 0


def write_well(folder: pathlib.Path) -> int:
  """Writes the same as it should be done."""
  (folder / 'other').mkdir(exist_ok=True)
  partial = folder / '.partial'
  partial.write_text('half of it, and the other half')
  partial.replace(folder / 'result')
  return 0
