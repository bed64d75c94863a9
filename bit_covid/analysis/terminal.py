# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tables for a terminal, which become plain text in a pipe."""

from collections.abc import Mapping, Sequence
import sys
from typing import Any

import rich.box
import rich.console
import rich.table
import rich.text

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.base import lines

# Of all measures of `metrics.measure`.
HEADINGS = {
  'accuracy': 'Accuracy',
  'balanced_accuracy': 'Balanced accuracy',
  'mcc': 'MCC',
  'kappa': 'Kappa',
  'sensitivity': 'Sensitivity',
  'specificity': 'Specificity',
  'ppv': 'PPV',
  'npv': 'NPV',
  'f1': 'F1',
  'roc_auc': 'ROC AUC',
  'average_precision': 'Average precision',
}
_STYLES = {'FAILED': 'bold red', 'WARNING': 'yellow', 'NOT CHECKED': 'dim'}
# Columns of text where there is no terminal; no table here needs more.
_PIPE_WIDTH = 100


class Table(rich.table.Table):
  """A table whose cells are texts, of which nothing is markup or a sequence."""

  def __init__(self):
    super().__init__(box=rich.box.SIMPLE_HEAD)

  def add_column(self, header: str = '', **options: Any) -> None:
    """Adds a column; options are those of rich."""
    super().add_column(_text(header), **options)

  def add_row(self, *cells: str, **options: Any) -> None:
    """Adds a row; options are those of rich."""
    super().add_row(*map(_text, cells), **options)


def _text(cell: str) -> rich.text.Text:
  # A detail may have several lines.
  return rich.text.Text('\n'.join(map(lines.shown, cell.split('\n'))))


def new_table(
  first: str, others: Sequence[str], *, no_wrap: bool = True
) -> Table:
  """Returns an empty table; all columns except the first hold numbers.

  Where the columns are too wide for a line, `no_wrap` cuts the cells off;
  otherwise they get several lines.
  """
  view = Table()
  view.add_column(first, overflow='ellipsis' if no_wrap else 'fold')
  for heading in others:
    view.add_column(
      heading,
      justify='right',
      no_wrap=no_wrap,
      overflow='ellipsis' if no_wrap else 'fold',
    )
  return view


def new_text_table(*headings: str) -> Table:
  """Returns an empty table of texts, of which the last column is the widest."""
  view = Table()
  *short, last = headings
  for heading in short:
    view.add_column(heading, min_width=min(len(heading), 16))
  view.add_column(last, ratio=1)
  return view


def add_row(view: Table, result: str, *texts: str) -> None:
  """Adds a row whose first cell decides its colour on a terminal."""
  view.add_row(result, *texts, style=_STYLES.get(result, ''))


def show(*parts: str | Table) -> None:
  """Prints texts, each as one line, and tables."""
  is_terminal = sys.stdout.isatty()
  console = rich.console.Console(
    width=None if is_terminal else _PIPE_WIDTH,
    highlight=False,
    # A notebook shows printed text like a pipe, but sets FORCE_COLOR.
    force_jupyter=False,
    force_terminal=is_terminal,
  )
  for part in parts:
    if isinstance(part, str):
      lines.say(part)
      continue
    with console.capture() as captured:
      console.print(part)
    # Without the spaces that pad each line.
    for line in captured.get().splitlines():
      print(line.rstrip(), flush=True)


def show_summary(split: str, summary: Mapping[str, Any]) -> None:
  """Prints the measures and then the counts of a `metrics.summary`."""
  names = summary['class_names']
  measures = new_table('Class', [HEADINGS[x] for x in metrics.MEASURES])
  for class_name in names:
    values = [summary[name][class_name] for name in metrics.MEASURES]
    measures.add_row(
      class_name,
      *('undefined' if value is None else f'{value:.2%}' for value in values),
    )
  show(
    f'{split}: accuracy {summary["accuracy"]:.2%} of '
    f'{summary["slices"]:,} slices',
    measures,
    'Slices: truth in rows, prediction in columns',
    _counts(summary),
  )


def show_intervals(split: str, numbers: Mapping[str, Any]) -> None:
  """Prints a split's measures with intervals, then the counts.

  Numbers are those of the split in metrics.json of a report.
  """
  found = numbers['slice']
  view = new_table('Measure', ['Value', f'{interval_lib.LEVEL_TEXT} interval'])
  about = 'All values are times 100, intervals are over patients.'
  count = f'{found["slices"]:,} slices'
  if found['patients_known']:
    count += f' of {found["patients"]:,} patients'
  else:
    about = f'All values are times 100. {predictions.PATIENTS_UNKNOWN}'
  for name, heading in HEADINGS.items():
    measure = found['measures'][name]
    if name in metrics.OVERALL:
      view.add_row(heading, *_interval(measure))
      continue
    for class_name in numbers['class_names']:
      view.add_row(f'{heading}, {class_name}', *_interval(measure[class_name]))
  show(
    f'{split}: {count}. {about}',
    view,
    *_sources(numbers),
    'Slices: truth in rows, prediction in columns',
    _counts(numbers),
  )


def _sources(numbers: Mapping[str, Any]) -> list[Table]:
  """Returns a table of the accuracy of each source, if there are several."""
  groups = [x for x in numbers['subgroups'] if x['by'] == 'source']
  level = f'{interval_lib.LEVEL_TEXT} interval'
  view = new_table('Source', ['Slices', 'Accuracy', level])
  for group in groups:
    accuracy = _interval(group['measures']['accuracy'])
    view.add_row(group['name'], f'{group["slices"]:,}', *accuracy)
  return [view] if len(groups) > 1 else []


def _interval(measure: Mapping[str, float | None]) -> tuple[str, str]:
  value, low, high = (measure[x] for x in ('value', 'low', 'high'))
  return (
    'undefined' if value is None else f'{100 * value:.2f}',
    'undefined' if low is None else f'{100 * low:.2f} to {100 * high:.2f}',
  )


def _counts(summary: Mapping[str, Any]) -> Table:
  names = summary['class_names']
  counts = new_table('Truth', names)
  for name, row in zip(names, summary['confusion_matrix'], strict=True):
    counts.add_row(name, *(f'{count:,}' for count in row))
  return counts
