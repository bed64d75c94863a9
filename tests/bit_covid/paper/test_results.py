# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is read of finished runs."""

import numpy as np
import pytest

from bit_covid.analysis import metrics
from bit_covid.analysis import paired
from bit_covid.analysis import predictions
from bit_covid.paper import grid
from bit_covid.paper import results

BIT_M, RANDOM = grid.Run('Bit-M'), grid.Run('Random')
EXPECTED = [run.with_seed(seed) for run in (BIT_M, RANDOM) for seed in range(3)]


def _runs(tmp_path, **options):
  return results.Runs(tmp_path, EXPECTED, **options)


def _read(folder, split='test'):
  return predictions.read(folder / 'predictions' / f'{split}.csv')


def test_only_finished_runs_count(tmp_path, simulate):
  simulate(BIT_M, 0.9)
  simulate(BIT_M.with_seed(2), 0.9)
  simulate(BIT_M.with_seed(1), 0.9, is_finished=False)
  runs = _runs(tmp_path)
  assert runs.num_finished == 2
  assert runs.finished(BIT_M.with_seed(1)) == [BIT_M, BIT_M.with_seed(2)]
  assert runs.result(BIT_M, 'test').seeds == (0, 2)
  assert runs.status(BIT_M, 'test') == '2 of 3'
  assert runs.status(RANDOM, 'test') == 'not run yet'
  assert runs.result(RANDOM, 'test') is None
  assert runs.table(BIT_M.with_seed(1), 'test') is None


def test_numbers_are_those_of_the_tables(tmp_path, simulate):
  folders = [simulate(BIT_M.with_seed(i), 0.9) for i in range(3)]
  result = _runs(tmp_path).result(BIT_M, 'test')
  confusions = [metrics.confusion_matrix(_read(x)) for x in folders]
  np.testing.assert_array_equal(result.confusions, confusions)
  errors = [int(x.sum() - x.trace()) for x in confusions]
  assert result.errors == errors
  assert result.slices == confusions[0].sum()
  assert result.patients == 30
  number = result.percent('accuracy')
  shares = 1 - np.array(errors) / result.slices
  assert number.value == pytest.approx(100 * shares.mean())
  assert number.smallest == pytest.approx(100 * shares.min())
  assert number.largest == pytest.approx(100 * shares.max())
  of_class = result.percent('sensitivity', 2)
  assert of_class.value == pytest.approx(
    100 * np.mean([x[2, 2] / x[2].sum() for x in confusions])
  )


def test_difference_is_paired(tmp_path, simulate):
  random, bit_m = simulate(RANDOM, 0.8), simulate(BIT_M, 0.9)
  runs = _runs(tmp_path)
  found = runs.difference(
    runs.result(RANDOM, 'test'), runs.result(BIT_M, 'test')
  )
  expected = paired.difference(_read(random), _read(bit_m))
  np.testing.assert_array_equal(
    found, [100 * float(x) for x in expected['accuracy']]
  )


def test_a_split_that_nobody_predicted(tmp_path, simulate):
  simulate(BIT_M, 0.9, splits=('test',))
  runs = _runs(tmp_path)
  assert runs.result(BIT_M, 'val') is None
  assert runs.status(BIT_M, 'val') == 'val not predicted'
  assert runs.table(BIT_M, 'val') is None


def test_each_table_is_read_once(tmp_path, simulate, monkeypatch):
  simulate(BIT_M, 0.9)
  simulate(BIT_M.with_seed(1), 0.9)
  read, paths = predictions.read, []
  monkeypatch.setattr(
    predictions, 'read', lambda path: (paths.append(path), read(path))[1]
  )
  runs = _runs(tmp_path)
  for _ in range(3):
    runs.result(BIT_M, 'test')
  assert len(paths) == 2


def test_other_systems_are_read_from_their_folders(tmp_path, simulate):
  folder = simulate(RANDOM.with_seed(7), 0.8, splits=('test',))
  runs = _runs(tmp_path, live={'Other': folder, 'Missing': tmp_path})
  assert runs.live_result('Other', 'test').errors == [
    int((x := metrics.confusion_matrix(_read(folder))).sum() - x.trace())
  ]
  assert runs.live_result('Missing', 'test') is None


def test_runs_on_other_slices_are_refused(tmp_path, simulate):
  simulate(BIT_M, 0.9)
  simulate(BIT_M.with_seed(1), 0.9, patients=31)
  with pytest.raises(ValueError, match=r'seed1.*test\.csv.*different slices'):
    _runs(tmp_path).result(BIT_M, 'test')


def test_curves_and_data_are_those_of_the_run(tmp_path, simulate):
  folder = simulate(BIT_M, 0.9)
  (folder / 'metrics.jsonl').write_text(
    '{"step": 1, "train_loss": 2.0}\n{"step": 2, "val_accuracy": 0.5}\n'
  )
  runs = _runs(tmp_path)
  assert runs.curve(BIT_M, 'val_accuracy') == [(2, 0.5)]
  assert runs.curve(RANDOM, 'val_accuracy') == []
  assert runs.data_names() == ['covidx_ct/2a']
