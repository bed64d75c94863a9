# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Results of trials, and their table."""

from collections.abc import Mapping, Sequence
import dataclasses


@dataclasses.dataclass(kw_only=True)
class Row:
  """What came of the tries at one place.

  Attributes:
    place: what was tried, such as 'saving a checkpoint'.
    tries: how often.
    differences: one text for each result that is not as it should be.
    strays: one text for each file that was left behind.
    measured: numbers to show, such as '0.2 MB per 100 steps (at most 1)'.
  """

  place: str
  tries: int = 0
  differences: list[str] = dataclasses.field(default_factory=list)
  strays: list[str] = dataclasses.field(default_factory=list)
  measured: str = ''

  @property
  def is_right(self) -> bool:
    """Whether it was tried, and nothing differed or was left."""
    return bool(self.tries) and not self.differences and not self.strays


_HEADINGS = ('trial', 'place', 'tries', 'differences', 'strays', 'measured')


def table(results: Mapping[str, Sequence[Row]]) -> str:
  """Returns a markdown table of the rows of each trial, then what was wrong."""
  cells = [
    (trial, x.place, x.tries, len(x.differences), len(x.strays), x.measured)
    for trial, rows in results.items()
    for x in rows
  ]
  totals = [sum(row[i] for row in cells) for i in (2, 3, 4)]
  lines = [_HEADINGS, *cells, ('all', '', *totals, '')]
  texts = [[str(x) for x in line] for line in lines]
  widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
  texts.insert(1, ['-' * width for width in widths])
  shown = [f'| {" | ".join(map(str.ljust, x, widths))} |' for x in texts]
  return '\n'.join([*shown, *_wrong(results)])


def _wrong(results: Mapping[str, Sequence[Row]]) -> list[str]:
  found = []
  for trial, rows in results.items():
    for row in rows:
      place = f'{trial}, {row.place}'
      found += [f'{place}: {x}' for x in row.differences]
      found += [f'{place}: left behind: {x}' for x in row.strays]
      if not row.tries:
        found.append(f'{place}: was not tried')
  return found
