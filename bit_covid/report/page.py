# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The sections of a report, in order."""

from collections.abc import Mapping
from typing import Any

from bit_covid.analysis import bootstrap
from bit_covid.analysis import figures
from bit_covid.report import blocks
from bit_covid.report import content as report_content
from bit_covid.report import facts
from bit_covid.report import maps
from bit_covid.report import published
from bit_covid.report import tables

_INTERVALS = (
  f'{bootstrap.LEVEL_TEXT} intervals come from a bootstrap that draws patients '
  'within each class, not slices: slices of one patient resemble each other. '
  '"No interval": a class comes from one patient only, or the measure is the '
  'same whichever patients are drawn. "Undefined": nothing to divide by, such '
  'as the sensitivity of a class without slices.'
)
_PREVALENCE = (
  'PPV and NPV depend on how common a class is. Here they are restated for '
  "other prevalences by Bayes' rule, sensitivity and specificity unchanged."
)
_ERROR_OF_CALIBRATION = (
  'The expected calibration error has no interval: chance alone makes a sum of '
  'absolute values larger, and twice so in a drawing of patients, so that the '
  'interval of a well-calibrated network would lie above the truth.'
)


def highlights(numbers: Mapping[str, Any]) -> list[tuple[str, ...]]:
  """Returns title, value, interval and sample size of each headline number."""
  found = numbers['slice']
  patients = found['patients_by_class']
  by_class = ', '.join(f'{count:,} {name}' for name, count in patients.items())
  slices = figures.plural(found['slices'], 'slice')
  of_patients = figures.plural(found['patients'], 'patient')
  accuracy = _percent(found['measures']['accuracy'], patients)
  what = f'{slices} of {of_patients} ({by_class})'
  result = [('Accuracy of slices', *accuracy, what)]
  if 'missing' not in numbers['patient']:
    mean = numbers['patient']['mean']
    accuracy = _percent(mean['measures']['accuracy'], patients)
    what = (
      f'{figures.plural(mean["patients"], "patient")}, mean of their slices'
    )
    result.append(('Accuracy of patients', *accuracy, what))
  return result


def _percent(
  found: Mapping[str, float | None], patients_by_class: Mapping[str, int]
) -> tuple[str, str]:
  text = blocks.number(found['value'], 'accuracy')
  between = blocks.interval(found, 'accuracy')
  if found['low'] is not None:
    return f'{text} %', f'{bootstrap.LEVEL_TEXT} interval {between}'
  if 1 in patients_by_class.values():
    return f'{text} %', 'no interval: a class comes from one patient only'
  return f'{text} %', 'no interval: the same whichever patients are drawn'


def sections(
  content: report_content.Content, name: str | None
) -> list[blocks.Section]:
  """Returns all sections; `name` is that of the data set, if it is recorded."""
  numbers = content.numbers[content.split]
  not_drawn = figures.names_not_drawn(numbers['class_names'])
  return [
    blocks.Section(
      'results',
      'Results by slice',
      [
        blocks.Text(_INTERVALS),
        tables.overall(content.numbers),
        tables.by_class(numbers),
        blocks.Pictures(content.pictures['results']),
        *([blocks.Text(not_drawn)] if not_drawn else []),
      ],
    ),
    _patients(numbers),
    blocks.Section(
      'prevalence',
      'Predictive values elsewhere',
      [blocks.Text(_PREVALENCE), tables.prevalence(numbers)],
    ),
    _calibration(content, numbers),
    _thresholds(content, numbers),
    blocks.Section(
      'subgroups',
      'Subgroups',
      [
        blocks.Text(tables.SMALL_GROUPS),
        *_metadata(content),
        *tables.groups(numbers),
      ],
    ),
    blocks.Section('errors', 'Most confident errors', _errors(content)),
    *maps.sections(content.numbers, content.config, content.pictures['maps']),
    blocks.Section('data', 'Data and features', _pictures(content, 'data')),
    blocks.Section('training', 'Training', _pictures(content, 'training')),
    published.section(content.split, numbers, name),
    facts.section(content.config, content.starts),
  ]


def _patients(numbers: Mapping[str, Any]) -> blocks.Section:
  found = numbers['patient']
  if 'missing' in found:
    body = [blocks.Note(f'No numbers by patient. {found["missing"]}')]
  else:
    body = [
      blocks.Text(
        'Probabilities of a patient are the mean over the slices, the maximum, '
        'the mean of the highest slices of each class, or the share of '
        'slices that vote for the class.'
      ),
      tables.by_patient(numbers),
    ]
  return blocks.Section('patients', 'Results by patient', body)


def _calibration(
  content: report_content.Content, numbers: Mapping[str, Any]
) -> blocks.Section:
  found = numbers['calibration']
  if 'missing' in found:
    first = blocks.Note(f'No temperature. {found["missing"]}')
  else:
    first = blocks.Text(
      f'The temperature {found["temperature"]:.3f} was fitted on '
      f'{found["fitted_on"]} alone. It changes no prediction, only how sure '
      'the network says it is.'
    )
  body = [
    first,
    blocks.Text(_ERROR_OF_CALIBRATION),
    tables.calibration(numbers),
    blocks.Pictures(content.pictures['calibration']),
  ]
  return blocks.Section('calibration', 'Calibration', body)


def _thresholds(
  content: report_content.Content, numbers: Mapping[str, Any]
) -> blocks.Section:
  found = numbers['operating_points']
  if 'missing' in found:
    body = [blocks.Note(f'No operating points. {found["missing"]}')]
  else:
    body = [
      blocks.Text(
        f'Each threshold is the largest that reaches the wanted sensitivity on '
        f'{found["chosen_on"]}. From it on a slice is called positive. The '
        f'columns on the right are what that gives on {content.split}.'
      ),
      tables.thresholds(numbers),
    ]
  return blocks.Section('thresholds', 'Operating points', body)


def _metadata(content: report_content.Content) -> list[blocks.Block]:
  counts = [
    f'{x["patients_with_metadata"]:,} of {x["slice"]["patients"]:,} of {split}'
    for split, x in content.numbers.items()
    if 'patients_with_metadata' in x
  ]
  text = f'Patients whom the metadata hold: {"; ".join(counts)}.'
  return [blocks.Text(text)] if counts else []


def _errors(content: report_content.Content) -> list[blocks.Block]:
  errors = content.errors
  if errors.empty:
    return [blocks.Text(f'No slice of {content.split} is predicted wrongly.')]
  table = blocks.Table(
    'The surest wrong slice of each patient, the surest patients first',
    ['Slice', 'True', 'Predicted', 'Confidence, %', 'Source'],
    [
      blocks.cells(
        x.slice_id, x.truth, x.predicted, blocks.share(x.confidence), x.source
      )
      for x in errors.itertuples()
    ],
  )
  return [table, *_pictures(content, 'errors')]


def _pictures(content: report_content.Content, key: str) -> list[blocks.Block]:
  """Returns the pictures of a section, then the remark on what it lacks."""
  result = []
  if content.pictures.get(key):
    result.append(blocks.Pictures(content.pictures[key]))
  if key in content.remarks:
    result.append(blocks.Text(content.remarks[key]))
  return result
