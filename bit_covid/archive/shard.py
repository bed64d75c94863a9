# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which share of an archive a process does, without any cluster software."""

from collections.abc import Mapping

from bit_covid.base import lines

_SLURM = 'SLURM_ARRAY_TASK_'


def find(
  text: str | None, environment: Mapping[str, str]
) -> tuple[int, int] | None:
  """Returns I and N, or None: this is the only process.

  Args:
    text: 'I/N', or None to take it from SLURM.
    environment: with the variables that SLURM sets in the tasks of an array.

  Raises:
    ValueError: there is no such process.
  """
  if text is None:
    if f'{_SLURM}ID' not in environment:
      return None
    number, first, step, count = (
      int(environment.get(f'{_SLURM}{name}', default))
      for name, default in zip(
        ('ID', 'MIN', 'STEP', 'COUNT'), ('0', '0', '1', '1'), strict=True
      )
    )
    text = f'{(number - first) / step:g}/{count}'
    lines.say(f'Shard {text}, from {_SLURM}ID')
  number_text, _, count_text = text.partition('/')
  try:
    found = int(number_text), int(count_text)
  except ValueError:
    found = -1, 0
  if not 0 <= found[0] < found[1]:
    raise ValueError(
      f'--shard={text}; expected I/N with I from 0 to N - 1. An array of SLURM '
      'gives it if its tasks are without gaps, such as --array=0-99.'
    )
  return found
