# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The results as tables in Markdown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.accelerator import peaks
from bit_covid.training import cost

_COLUMNS = (
  *('task', 'network', 'px', 'precision', 'batch', 'program', 'images/s'),
  *('here is faster by', 'GB at peak', 'share of peak', 'compile s'),
)
_KERNELS = ('kernel', 'ms of a step', 'share')
# Of the operations of a step.
_SHOWN = 20
_OPERATIONS = ('operation', 'GB moved', 'GFLOP', 'least ms')


def markdown(lines: Sequence[Mapping[str, Any]]) -> str:
  """Returns the tables of all lines of a file of results."""
  facts: list[Mapping[str, Any]] = []
  for line in lines:
    if line['facts'] not in facts:
      facts.append(line['facts'])
  parts = [_one(x, [y for y in lines if y['facts'] == x]) for x in facts]
  return '\n\n'.join([*parts, peaks.TIMM])


def _one(facts: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> str:
  """Returns the tables of the lines that share their facts."""
  peak = peaks.find(facts['device'])
  about = ', '.join(f'{key} {value}' for key, value in facts.items() if value)
  if peak:
    about += f'. Peaks: {peak.source}; shares count the products of the network'
  else:
    about += '. The peak of this device is not known, so there is no share'
  parts = [f'{about}.']
  parts.append(
    _table(
      _COLUMNS,
      (
        _cells(x, peak)
        for x in lines
        if x['row']['task'] not in ('profile', 'correctness')
      ),
    )
  )
  for line in lines:
    if line['row']['task'] != 'profile' or 'failed' in line:
      continue
    kernels = (
      (x['name'], _text(x['ms']), f'{x["share"]:.1%}') for x in line['kernels']
    )
    operations = line['operations']
    whole = {'name': f'all {len(operations)}, which the file has'}
    for key in ('gigabytes', 'gflop', 'floor_ms'):
      whole[key] = sum(x[key] or 0.0 for x in operations)
    shown = (map(_text, x.values()) for x in [*operations[:_SHOWN], whole])
    parts += [_table(_KERNELS, kernels), _table(_OPERATIONS, shown)]
  return '\n\n'.join(parts)


def _cells(line: Mapping[str, Any], peak: peaks.Peak | None) -> list[str]:
  """Returns the row of a measurement."""
  row = line['row']
  names = ('task', 'model', 'side', 'precision', 'batch', 'program')
  cells = [str(row[x]) for x in names]
  if 'failed' in line:
    reason = 'out of memory' if line['out_of_memory'] else line['failed']
    return [*cells, reason.replace('|', ' '), *4 * ['']]
  ratio = _text(line['here_is_faster_by'])
  if ratio and not line['took_turns']:
    ratio += ' (not in turns)'
  gigabytes = line['peak_bytes'] and line['peak_bytes'] / 1e9
  return [
    *cells,
    _text(line['images_per_second']),
    ratio,
    _text(gigabytes),
    _share(line, peak),
    _text(line['compile_seconds']),
  ]


def _share(line: Mapping[str, Any], peak: peaks.Peak | None) -> str:
  """Returns the share of the peak that the products of the network reach.

  A backward pass has twice the products of a forward pass. For all programs
  the operations are those of the network here.
  """
  row = line['row']
  speed = peak and getattr(peak, row['precision'])
  if not speed:
    return ''
  passes = 1 if row['task'] == 'forward' else 3
  of_image = passes * cost.forward_operations(row['model'], row['side'])
  return f'{line["images_per_second"] * of_image / (speed * 1e12):.1%}'


def _text(value: Any) -> str:
  if value is None:
    return ''
  return f'{value:.4g}' if isinstance(value, float) else str(value)


def _table(header: Sequence[str], lines: Iterable[Iterable[str]]) -> str:
  rows = [header, ['---'] * len(header), *lines]
  return '\n'.join(f'| {" | ".join(row)} |' for row in rows)
