# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Collects what a report shows, and the reasons for what it lacks."""

from collections.abc import Mapping, Sequence
import pathlib
from typing import Any, NamedTuple

import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import figures_images
from bit_covid.analysis import split_counts
from bit_covid.base import files
from bit_covid.report import facts
from bit_covid.report import figures as report_figures
from bit_covid.report import maps
from bit_covid.report import values

_LISTED_ERRORS = 12


class Content(NamedTuple):
  """The numbers, figures and facts of a report.

  Attributes:
    split: the split whose tables are shown in full.
    numbers: those of `numbers.collect`, by split.
    config: config.json, None where it does not exist.
    starts: run.json, None where it does not exist.
    pictures: by section: 'results', 'calibration', 'errors', 'maps', 'data' or
      'training'.
    errors: those of `figures.confident_errors`.
    remarks: what could not be shown and why, by section.
  """

  split: str
  numbers: Mapping[str, Any]
  config: Mapping[str, Any] | None
  starts: list[Mapping[str, Any]] | None
  pictures: Mapping[str, Sequence[figures.Picture]]
  errors: pd.DataFrame
  remarks: Mapping[str, str]


def collect(
  workdir: pathlib.Path,
  tables: Mapping[str, pd.DataFrame],
  numbers: values.Json,
  images: figures_images.ImageFn | None,
  *,
  seed: int,
) -> Content:
  """Returns the content of a report, with its figures drawn.

  The numbers are those of `numbers.collect`, the seed is that of t-SNE. Without
  images there is no gallery.
  """
  split = _main_split(list(tables))
  table, found = tables[split], numbers[split]
  config = files.read_json(workdir / 'config.json')
  remarks: dict[str, str] = {}
  pictures = {
    'results': report_figures.results(split, table, found),
    'calibration': [report_figures.reliability(split, table, found)],
    # Drawn by the run, as they need the network.
    'maps': maps.pictures(workdir / 'gradcam', found['class_names']),
    'errors': _gallery(table, images, remarks),
    'data': [
      _splits(workdir, tables, config),
      *_features(workdir, split, table, remarks, seed=seed),
    ],
    'training': _training(workdir, remarks),
  }
  return Content(
    split=split,
    numbers=numbers,
    config=config,
    starts=files.read_json(workdir / 'run.json', list),
    pictures=pictures,
    errors=figures.confident_errors(table, _LISTED_ERRORS),
    remarks=remarks,
  )


def _main_split(names: Sequence[str]) -> str:
  """Returns the split that is shown in full: test, else any but train, val."""
  others = [x for x in names if x not in ('train', 'val')]
  best = [x for x in ('test', *others, 'val') if x in names]
  return best[0] if best else names[0]


def _splits(
  workdir: pathlib.Path,
  tables: Mapping[str, pd.DataFrame],
  config: Mapping[str, Any] | None,
) -> figures.Picture:
  """Returns the figure of the predicted and all other splits of the run."""
  counts = split_counts.of_tables(tables)
  path = workdir / 'splits.csv'
  if path.exists():
    counts = split_counts.joined(counts, split_counts.read(path))
  per_class = facts.of_data(config).get('per_class') or 0
  return report_figures.splits(counts, per_class=per_class)


def _gallery(
  table: pd.DataFrame,
  images: figures_images.ImageFn | None,
  remarks: dict[str, str],
) -> list[figures.Picture]:
  if images is None:
    remarks['errors'] = (
      'The slices themselves are not shown: no folder of images was given to '
      'the report.'
    )
    return []
  if figures.confident_errors(table, 1).empty:
    return []
  try:
    return [report_figures.gallery(table, images)]
  except FileNotFoundError as error:
    remarks['errors'] = f'The slices themselves are not shown: {error}'
    return []


def _features(
  workdir: pathlib.Path,
  split: str,
  table: pd.DataFrame,
  remarks: dict[str, str],
  *,
  seed: int,
) -> list[figures.Picture]:
  path = workdir / 'predictions' / f'{split}_features.npz'
  if not path.exists():
    remarks['data'] = f'No t-SNE: there is no {path.name} of {split}.'
    return []
  try:
    return report_figures.features(split, table, path, seed=seed)
  except figures_images.TooFewError as error:
    remarks['data'] = f'No t-SNE: {error}'
    return []


def _training(
  workdir: pathlib.Path, remarks: dict[str, str]
) -> list[figures.Picture]:
  rows = files.read_json_lines(workdir / 'metrics.jsonl')
  if not rows:
    remarks['training'] = 'No training curves: there is no metrics.jsonl.'
    return []
  return [report_figures.training(rows)]
