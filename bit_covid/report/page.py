# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The sections of a report, in order."""

from collections.abc import Mapping
import pathlib
from typing import Any, NamedTuple

import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import figures_images
from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import measure_text
from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts
from bit_covid.base import files
from bit_covid.report import answers
from bit_covid.report import audit_section
from bit_covid.report import blocks
from bit_covid.report import calibration_section
from bit_covid.report import facts
from bit_covid.report import figures as report_figures
from bit_covid.report import glossary
from bit_covid.report import maps
from bit_covid.report import published
from bit_covid.report import subgroup_tables
from bit_covid.report import tables

_LOG = 'metrics.jsonl'
_LISTED_ERRORS = 12
_INTERVALS = (
  f'{interval_lib.LEVEL_TEXT} intervals are over patients: slices of one '
  'patient resemble each other, so each interval is that of as many '
  'independent slices as would tell as much. They hold for patients like '
  'these, not for another hospital or another training. "Undefined": nothing '
  'to divide by, such as the sensitivity of a class without slices.'
)
_PREVALENCE = (
  'PPV and NPV depend on how common a class is. Here they are restated for '
  "other prevalences by Bayes' rule, sensitivity and specificity unchanged. "
  'Where a class is rare, few patients of other classes leave its PPV nearly '
  'open, however high it is.'
)


class Run(NamedTuple):
  """What the sections of a report are made from.

  Attributes:
    workdir: the work directory.
    split: the split that is shown in full.
    tables: the predictions tables by split.
    numbers: those of `numbers.collect`, by split.
    config: config.json, None where it does not exist.
    images: from a slice_id to its image; None where there is no gallery.
    seed: that of t-SNE.
  """

  workdir: pathlib.Path
  split: str
  tables: Mapping[str, pd.DataFrame]
  numbers: Mapping[str, Any]
  config: Mapping[str, Any] | None
  images: figures_images.ImageFn | None
  seed: int


def sections(run: Run) -> list[blocks.Section]:
  """Returns the sections that have something to show."""
  found = run.numbers[run.split]
  prevalence = [blocks.Text(_PREVALENCE), tables.prevalence(found)]
  groups = subgroup_tables.section(run.numbers, run.split)
  published_rows = published.comparison(
    run.split, found, facts.data_name(run.config)
  )
  shown = _patients(found) if found['slice']['patients_known'] else []
  parts = [
    ('results', 'Results by slice', _results(run, found)),
    ('patients', 'Results by patient', shown),
    ('prevalence', 'Predictive values elsewhere', prevalence),
    (
      'calibration',
      'Calibration',
      calibration_section.blocks_of(run.split, run.tables[run.split], found),
    ),
    ('thresholds', 'Operating points', _thresholds(run.split, found)),
    ('subgroups', 'Subgroups', groups),
    ('errors', 'Most confident errors', _errors(run)),
    ('maps', 'Where the network looks', _maps(run, found)),
    ('audit', 'Audit', audit_section.blocks_of(run.workdir, run.split)),
    ('data', 'Data and features', _data(run)),
    ('training', 'Training', _training(run.workdir)),
    ('published', 'Published results', published_rows),
    ('run', 'The run', [facts.table(run.config, run.workdir / 'run.json')]),
    ('terms', 'Terms', [glossary.table()]),
  ]
  return [
    blocks.Section(*part, _answer(part[0], run)) for part in parts if part[-1]
  ]


def _answer(name: str, run: Run) -> str:
  if name == 'training':
    return answers.training(files.read_json_lines(run.workdir / _LOG))
  return answers.of_numbers(name, run.numbers[run.split])


def _results(run: Run, numbers: Mapping[str, Any]) -> list[blocks.Block]:
  pictures = report_figures.results(run.split, run.tables[run.split], numbers)
  not_drawn = figures.names_not_drawn(numbers['class_names'])
  return [
    blocks.Text(_INTERVALS),
    *map(blocks.Note, _remarks(numbers['slice'])),
    tables.overall(run.numbers),
    tables.by_class(numbers),
    blocks.Pictures(pictures),
    *([blocks.Text(not_drawn)] if not_drawn else []),
  ]


def _remarks(found: Mapping[str, Any]) -> list[str]:
  """Returns what is unusual about the patients of a split."""
  if not found['patients_known']:
    return [predictions.PATIENTS_UNKNOWN]
  several = found['patients_of_several_classes']
  if not several:
    return []
  return [
    f'{several:,} of {figures.plural(found["patients"], "patient")} have '
    'slices of more than one class. Each counts as a patient of each of them, '
    'and in intervals of the accuracy as one of the class of most slices.'
  ]


def _patients(numbers: Mapping[str, Any]) -> list[blocks.Block]:
  found = numbers['patient']
  if 'missing' in found:
    return [blocks.Note(f'No numbers by patient. {found["missing"]}')]
  return [
    blocks.Text(
      'Probabilities of a patient are the mean over the slices, the maximum, '
      'the mean of the highest slices of each class, or the share of '
      f'slices that vote for the class.{_ties(found["vote"])}'
    ),
    tables.by_patient(numbers),
  ]


def _ties(vote: Mapping[str, Any]) -> str:
  if not vote['ties']:
    return ''
  patients = figures.plural(vote['patients'], 'patient')
  return (
    f' The votes of {vote["ties"]:,} of {patients} are tied; there the mean '
    'decides between the classes with most votes.'
  )


def _thresholds(split: str, numbers: Mapping[str, Any]) -> list[blocks.Block]:
  found = numbers['operating_points']
  if 'missing' in found:
    return [blocks.Note(f'No operating points. {found["missing"]}')]
  return [
    blocks.Text(
      f'Each threshold is the largest that reaches the wanted sensitivity on '
      f'{found["chosen_on"]}. A slice whose probability is at least as high is '
      f'called positive. The {interval_lib.LEVEL_TEXT} interval of a threshold '
      f'holds those that other patients of {found["chosen_on"]} might have '
      'given: the wider it is, the less the wanted sensitivity is to be '
      f'expected. The sensitivity on {found["chosen_on"]} has no interval, '
      'because it was reached by choice. The columns on the right are what the '
      f'threshold gives on {split}.'
    ),
    tables.thresholds(numbers),
  ]


def _errors(run: Run) -> list[blocks.Block]:
  errors = figures.confident_errors(run.tables[run.split], _LISTED_ERRORS)
  if errors.empty:
    return [blocks.Text(f'No slice of {run.split} is predicted wrongly.')]
  table = blocks.Table(
    'The surest wrong slice of each patient, the surest patients first'
    if predictions.knows_patients(run.tables[run.split])
    else 'The surest wrong slices',
    ['Slice', 'True', 'Predicted', 'Confidence, %', 'Source'],
    [
      blocks.cells(
        x.slice_id,
        x.truth,
        x.predicted,
        measure_text.share(x.confidence),
        x.source,
      )
      for x in errors.itertuples()
    ],
  )
  missing = 'no folder of images was given to the report.'
  if run.images is not None:
    try:
      gallery = report_figures.gallery(errors, run.images)
      return [table, blocks.Pictures([gallery])]
    except FileNotFoundError as error:
      missing = str(error)
  return [
    table,
    blocks.Text(f'The slices themselves are not shown: {missing}'),
  ]


def _maps(run: Run, numbers: Mapping[str, Any]) -> list[blocks.Block]:
  # Drawn by the run, as they need the network.
  panels = report_figures.maps(run.workdir / 'gradcam', numbers['class_names'])
  return maps.evidence(run.numbers, facts.of_data(run.config), panels)


def _data(run: Run) -> list[blocks.Block]:
  counts = split_counts.of_tables(run.tables)
  path = run.workdir / 'splits.csv'
  if path.exists():
    counts = split_counts.joined(counts, split_counts.read(path))
  per_class = facts.of_data(run.config).get('per_class') or 0
  knows_patients = all(map(predictions.knows_patients, run.tables.values()))
  pictures = [
    report_figures.splits(
      counts, per_class=per_class, knows_patients=knows_patients
    )
  ]
  path = run.workdir / 'predictions' / f'{run.split}_features.npz'
  missing = '' if path.exists() else f'there is no {path.name} of {run.split}.'
  if not missing:
    table = run.tables[run.split]
    try:
      pictures += report_figures.features(run.split, table, path, seed=run.seed)
    except figures_images.TooFewError as error:
      missing = str(error)
  remarks = [blocks.Text(f'No t-SNE: {missing}')] if missing else []
  return [blocks.Pictures(pictures), *remarks]


def _training(workdir: pathlib.Path) -> list[blocks.Block]:
  rows = files.read_json_lines(workdir / _LOG)
  if not rows:
    text = 'No training curves: there is no metrics.jsonl.'
    return [blocks.Text(text)]
  return [blocks.Pictures([report_figures.training(rows)])]
