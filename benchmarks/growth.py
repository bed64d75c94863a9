# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures how the cost of a training grows, and with which exponents.

    python -m benchmarks.growth

Slices, classes, devices and pixels are varied one at a time, each in a process
of its own. An exponent of 1 means that twice as many cost twice as much. Times
are processor time; memory is what the process gained after its imports.
"""

import argparse
from collections.abc import Mapping, Sequence
import json
from typing import Any

import jax
import numpy as np

from benchmarks import growth_data
from benchmarks import growth_training
from benchmarks import turns

_VALUES = {
  'slices': (1_000, 10_000, 100_000, 1_000_000),
  'classes': (2, 20, 200, 2_000, 21_843),
  'devices': (1, 2, 4, 8),
  'side': (128, 256, 512, 1_024),
}


def main() -> None:
  """Prints a table, or measures one row in this process."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  for axis, values in _VALUES.items():
    parser.add_argument(f'--{axis}', default=','.join(map(str, values)))
  turns.add_json_flag(parser)
  parser.add_argument('--only', help=argparse.SUPPRESS)
  flags = parser.parse_args()
  if flags.only:
    axis, value = flags.only.split('=')
    print(json.dumps(measure(axis, int(value))))
    return
  result: dict[str, Any] = turns.facts()
  print(json.dumps(result))
  for axis in _VALUES:
    values = [int(x) for x in getattr(flags, axis).split(',') if x]
    rows = {
      value: turns.run_alone('benchmarks.growth', only=f'{axis}={value}')
      for value in values
    }
    if rows:
      result[axis] = rows
      print(table(axis, rows), flush=True)
  turns.write_json(result, flags.json)


def measure(axis: str, value: int) -> dict[str, Any]:
  """Returns seconds and megabytes at one value of an axis."""
  jax.config.update('jax_platforms', 'cpu')
  if axis == 'slices':
    return growth_data.measure(value)
  if axis == 'devices':
    jax.config.update('jax_num_cpu_devices', value)
  return growth_training.measure(**{axis: value})


def table(axis: str, rows: Mapping[int, Mapping[str, float]]) -> str:
  """Returns the rows as Markdown, with the exponents below them.

  The last two lines are the exponents over all rows, by least squares, and
  between the last two rows.
  """
  columns = list(next(iter(rows.values())))
  # The work is proportional to the pixels, not to the side.
  sizes = [value**2 if axis == 'side' else value for value in rows]
  by_column = {x: [row[x] for row in rows.values()] for x in columns}
  lines = [
    [axis, *columns],
    ['---'] * (1 + len(columns)),
    *(
      [f'{v:,}', *(f'{row[x]:.3g}' for x in columns)] for v, row in rows.items()
    ),
  ]
  for name, part in (
    ('exponent', slice(None)),
    ('at the end', slice(-2, None)),
  ):
    found = [exponent(sizes[part], by_column[x][part]) for x in columns]
    lines.append([name, *('' if x is None else f'{x:.2f}' for x in found)])
  return '\n'.join(f'| {" | ".join(cells)} |' for cells in lines) + '\n'


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float | None:
  """Returns b of the least-squares fit of values = a * sizes^b.

  None if it is not defined: there are less than two values, or one is not
  positive.
  """
  if len(sizes) < 2 or min(values) <= 0:
    return None
  return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


if __name__ == '__main__':
  main()
