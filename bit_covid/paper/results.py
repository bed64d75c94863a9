# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads the results of the finished runs of an item, each file once.

A run is finished when its folder, WORKDIR/runs/<name>, holds `finished.json`.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import os
import pathlib

import numpy as np
import pandas as pd

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import intervals
from bit_covid.analysis import paired
from bit_covid.analysis import patient_counts
from bit_covid.analysis import predictions
from bit_covid.base import files
from bit_covid.paper import grid


@dataclasses.dataclass(frozen=True)
class Result:
  """The result of the finished runs of one setting on one split.

  `measures` are those of `intervals.repeated`, as shares.
  """

  class_names: tuple[str, ...]
  seeds: tuple[int, ...]
  samples: tuple[patient_counts.PatientCounts, ...]
  measures: Mapping[str, intervals.Repeated]

  @property
  def slices(self) -> int:
    """The number of slices of the split."""
    return self.samples[0].num_slices

  @property
  def patients(self) -> int:
    """The number of patients of the split."""
    return len(self.samples[0].counts)

  @property
  def places(self) -> int:
    """How many decimals of a percentage of the slices are significant."""
    return 2 if self.slices > 1000 else 1

  @property
  def confusions(self) -> list[np.ndarray]:
    """The confusion matrix of each run, `[C, C]` int64."""
    return [sample.counts.sum(axis=0).astype(int) for sample in self.samples]

  @property
  def errors(self) -> list[int]:
    """The number of errors of each run."""
    return [int(x.sum() - np.trace(x)) for x in self.confusions]

  def percent(
    self, measure: str, class_index: int | None = None
  ) -> intervals.Repeated:
    """Returns a measure in percent, that of a class if an index is given."""
    values = self.measures[measure]
    if class_index is not None:
      values = [each[class_index] for each in values]
    return intervals.Repeated(*(100 * float(x) for x in values))


@dataclasses.dataclass(frozen=True)
class Runs:
  """The finished runs of an item.

  Attributes:
    workdir: the folder of the paper, which contains the folder `runs`.
    expected: all runs that the item needs.
    live: work directories of other systems, run on the same splits, by name.
  """

  workdir: str | os.PathLike[str]
  expected: Sequence[grid.Run]
  live: Mapping[str, str | os.PathLike[str]] = dataclasses.field(
    default_factory=dict
  )
  _references: dict[str, pd.DataFrame] = dataclasses.field(
    default_factory=dict, init=False
  )
  _results: dict[tuple, Result | None] = dataclasses.field(
    default_factory=dict, init=False
  )

  def is_finished(self, run: grid.Run) -> bool:
    """Returns whether the run is finished."""
    return (run.folder(self.workdir) / 'finished.json').exists()

  def expected_of(self, setting: grid.Run) -> list[grid.Run]:
    """Returns the needed runs of a setting, with all seeds."""
    first = setting.with_seed(0)
    return [run for run in self.expected if run.with_seed(0) == first]

  def finished(self, setting: grid.Run) -> list[grid.Run]:
    """Returns the finished runs of a setting."""
    return [run for run in self.expected_of(setting) if self.is_finished(run)]

  @property
  def num_finished(self) -> int:
    """The number of finished runs of the item."""
    return sum(map(self.is_finished, self.expected))

  def result(self, setting: grid.Run, split: str) -> Result | None:
    """Returns the result of a setting's finished runs on a split.

    It is None if no run is finished, or none has predicted the split. An error
    says that the runs are of different slices.
    """
    runs = self.finished(setting)
    return self._read({x.seed: x.folder(self.workdir) for x in runs}, split)

  def live_result(self, name: str, split: str) -> Result | None:
    """Returns the result of another system on the same slices."""
    return self._read({0: pathlib.Path(self.live[name])}, split)

  def difference(self, a: Result, b: Result) -> interval_lib.Interval:
    """Returns accuracy of B minus A in percentage points, paired by patient."""
    found = paired.differences(a.samples, b.samples)['accuracy']
    return interval_lib.Interval(*(100 * float(x) for x in found))

  def status(self, setting: grid.Run, split: str) -> str:
    """Returns '3 of 5' seeds, or the reason for a missing result."""
    finished, expected = self.finished(setting), self.expected_of(setting)
    if not finished:
      return 'not run yet'
    if self.result(setting, split) is None:
      return f'{split} not predicted'
    return f'{len(finished)} of {len(expected)}'

  def table(self, run: grid.Run, split: str) -> pd.DataFrame | None:
    """Returns the predictions table of a run, None if it does not exist."""
    path = _table_path(run.folder(self.workdir), split)
    if not self.is_finished(run) or not path.exists():
      return None
    return predictions.read(path)

  def curve(self, run: grid.Run, key: str) -> list[tuple[int, float]]:
    """Returns step and value of each measurement of `key` in a finished run."""
    path = run.folder(self.workdir) / 'metrics.jsonl'
    if not self.is_finished(run) or not path.exists():
      return []
    rows = files.read_json_lines(path)
    return [(row['step'], row[key]) for row in rows if key in row]

  def data_names(self) -> list[str]:
    """Returns the names of the data sets of the finished runs."""
    finished = filter(self.is_finished, self.expected)
    paths = [run.folder(self.workdir) / 'config.json' for run in finished]
    configs = filter(None, map(files.read_json, paths))
    return sorted({config['data']['name'] for config in configs})

  def _read(
    self, folders: Mapping[int, pathlib.Path], split: str
  ) -> Result | None:
    """Returns the result of the runs in these folders, by seed."""
    key = (split, *folders.values())
    if key in self._results:
      return self._results[key]
    paths = {seed: _table_path(x, split) for seed, x in folders.items()}
    samples = {
      seed: self._sample(path, split)
      for seed, path in paths.items()
      if path.exists()
    }
    result = None
    if samples:
      values = tuple(samples.values())
      result = Result(
        class_names=predictions.class_names(self._references[split]),
        seeds=tuple(samples),
        samples=values,
        measures=intervals.repeated(values),
      )
    self._results[key] = result
    return result

  def _sample(
    self, path: pathlib.Path, split: str
  ) -> patient_counts.PatientCounts:
    table = predictions.read(path)
    # The first table decides the order of the patients of all others.
    reference = self._references.setdefault(split, table)
    try:
      aligned = predictions.align(reference, table)
      return patient_counts.make(aligned, with_areas=False)
    except ValueError as error:
      raise ValueError(
        f'{path}, compared with earlier runs: {error}'
      ) from error


def _table_path(folder: pathlib.Path, split: str) -> pathlib.Path:
  return folder / 'predictions' / f'{split}.csv'
