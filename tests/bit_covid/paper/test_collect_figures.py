# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Collected figures: the numbers behind them."""

import itertools

import numpy as np
import pandas as pd
from PIL import Image
import pytest

from bit_covid.analysis import metrics
from bit_covid.analysis import paired
from bit_covid.analysis import predictions
from bit_covid.analysis import published
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import labels
from bit_covid.paper import scales
import input_pipeline
from input_pipeline import examples as examples_lib

PAPER, DEMO = scales.SCALES['paper'], scales.SCALES['demo']
BEST = grid.Run('Bit-M')


def _collect(item, tmp_path, **options):
  options = {'scale': PAPER} | options
  csv, md, png = collect.collect(item, tmp_path, **options)
  with Image.open(png) as picture:
    picture.load()
  return pd.read_csv(csv), md.read_text('utf-8')


def _table(folder, split='test'):
  return predictions.read(folder / 'predictions' / f'{split}.csv')


def _accuracy(folder):
  return 100 * metrics.measure(_table(folder))['accuracy']


def _examples(labels, patients):
  count = len(labels)
  names = np.array([f's{i}' for i in range(count)])
  return input_pipeline.Examples(
    class_names=published.CLASS_NAMES,
    slice_id=names,
    patient_id=np.array(patients),
    source=np.full(count, ''),
    label=np.array(labels, np.int32),
    box=np.zeros((count, 4), np.int32),
    digest=names,
    read=lambda i: b'',
  )


def test_figure2_counts_slices_and_patients(tmp_path):
  # A patient with slices of two classes counts in both.
  split = _examples([0, 0, 1, 2, 2, 2, -1], ['a', 'a', 'a', 'b', 'c', 'c', 'd'])
  table, page = _collect('figure2', tmp_path, splits={'test': split})
  ours = table[table['kind'] == 'ours'].set_index(['unit', 'class'])['value']
  assert ours.to_dict() == {
    ('slices', 'Normal'): 2,
    ('slices', 'CP'): 1,
    ('slices', 'NCP'): 3,
    ('patients', 'Normal'): 1,
    ('patients', 'CP'): 1,
    ('patients', 'NCP'): 2,
  }
  paper = table[table['kind'] == 'published']
  sums = paper.groupby(['split', 'unit'])['value'].sum()
  assert sums.to_dict() == {
    ('train', 'slices'): 143_778,
    ('train', 'patients'): 2837,
    ('val', 'slices'): 25_486,
    ('val', 'patients'): 482,
    ('test', 'slices'): 25_658,
    ('test', 'patients'): 426,
  }
  assert 'The data here have no split train, val.' in page
  assert '1 slices of test have no label' in page


def test_figure4_has_a_place_for_each_slice(tmp_path, simulate):
  folder = simulate(BEST, 0.9, splits=('test',), patients=12)
  table, page = _collect('figure4', tmp_path)
  expected = _table(folder)
  assert table['slice_id'].tolist() == expected['slice_id'].tolist()
  labels = [published.CLASS_NAMES[i] for i in expected['label']]
  assert table['class'].tolist() == labels
  assert np.isfinite(table[['x', 'y']]).all(axis=None)
  assert f'{len(expected)} of {len(expected)} slices' in page
  (folder / 'predictions' / 'test_features.npz').unlink()
  _, page = _collect('figure4', tmp_path)
  assert 'test_features.npz does not exist' in page


def test_figure5_has_the_matrix_of_each_seed(tmp_path, simulate):
  folders = [simulate(BEST.with_seed(i), 0.9) for i in range(2)]
  table, page = _collect('figure5', tmp_path, seeds=2)
  for seed, folder in enumerate(folders):
    confusion = metrics.confusion_matrix(_table(folder))
    part = table[(table['kind'] == 'ours') & (table['seed'] == seed)]
    np.testing.assert_array_equal(part['slices'], confusion.ravel())
    shares = 100 * confusion / confusion.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(part['percent_of_true'], shares.ravel())
  known = table[table['model'] == 'COVID-Net CT-2 L']
  assert known['slices'].sum() == published.SLICES
  assert 'Normal 99.3 %, CP 99.6 %, NCP 98.7 %' in page


def test_figure6_of_all_combinations(tmp_path, simulate):
  settings = grid.figure6()
  folders = {
    x: simulate(x, 0.7 + 0.005 * i, splits=('test',), patients=12)
    for i, x in enumerate(settings)
    if x.schedule != '20k'
  }
  table, page = _collect('figure6', tmp_path, scale=DEMO)
  measured = table[(table['kind'] == 'ours') & (table['measure'] == 'accuracy')]
  assert len(measured) == 32
  for run, (_, row) in zip(settings, measured.iterrows(), strict=True):
    assert (row['resolution'], row['schedule']) == (
      run.resolution,
      run.schedule,
    )
    assert (row['resize'], row['crop']) == DEMO.resolutions[run.resolution]
    assert row['steps'] == DEMO.schedules[run.schedule][-1]
    if run in folders:
      assert row['value'] == pytest.approx(_accuracy(folders[run]), abs=1e-12)
    else:
      assert row['status'] == 'not run yet'
  differences = table[table['measure'] == 'accuracy_difference']
  assert len(differences) == 12
  row = differences.iloc[0]
  with_, without = (
    _table(folders[grid.Run('Bit-M', '160x128', '500', mixup)])
    for mixup in (True, False)
  )
  expected = paired.difference(without, with_)['accuracy']
  assert [row['value'], row['low'], row['high']] == [
    100 * x for x in expected[:3]
  ]
  assert '24 of 32 runs finished' in page
  assert '18x16 (160x128)' in page


def test_figure6_of_the_two_sweeps(tmp_path, simulate):
  for mixup in (True, False):
    simulate(grid.Run('Bit-M', mixup=mixup), 0.9, splits=('test',))
  table, page = _collect('figure6', tmp_path, sweeps=True)
  measured = table[(table['kind'] == 'ours') & (table['measure'] == 'accuracy')]
  assert len(measured) == 14
  assert measured['value'].notna().sum() == 2
  known = table[table['kind'] == 'published']['published']
  assert known.tolist() == [99.2, 99.3]
  assert '2 of 14 runs finished' in page


def test_figure7_is_the_mean_over_seeds(tmp_path, simulate):
  for seed in range(3):
    simulate(BEST.with_seed(seed), 0.9, splits=())
  table, page = _collect('figure7', tmp_path, seeds=3)
  ours = table[table['kind'] == 'ours']
  assert ours['step'].tolist() == list(range(100, 10_001, 100))
  # As the simulated runs have it: seeds are 0.2 points apart.
  first = 100 * (0.9 - 0.5 * 0.97)
  np.testing.assert_allclose(
    ours.iloc[0][['smallest', 'value', 'largest']].astype(float),
    [first, first + 0.2, first + 0.4],
  )
  assert (ours['seeds'] == 3).all()
  assert 'No curve yet: Random, Bit-S, Bit-M-C, Bit-M-S.' in page
  assert '3 of 15 runs finished' in page


def test_figure7_without_a_val_split(tmp_path):
  _, page = _collect('figure7', tmp_path, scale=scales.SCALES['sample'])
  assert 'there is no val split' in page
  assert 'No curve yet' not in page


def test_figure8_has_accuracies_and_training_patients(tmp_path, simulate):
  setting = grid.few_shot('Bit-M', 50, by='patient')
  folders = [
    simulate(setting.with_seed(i), 0.7, splits=('test',)) for i in range(3)
  ]
  full = simulate(BEST, 0.9, splits=('test',))
  train = _examples(
    np.tile([0, 1, 2], 200),
    [f'{i % 3}-{i // 3 // 4}' for i in range(600)],
  )
  table, page = _collect(
    'figure8', tmp_path, scale=DEMO, splits={'train': train}, few_shot_seeds=3
  )
  few = table[table['per_class'] != 'all']
  assert len(few) == len(grid.figure8()) == 16
  by, per_class, model = few['drawn_by'], few['per_class'], few['model']
  chosen = (by == 'patient') & (per_class == '50') & (model == 'Bit-M')
  (row,) = few[chosen].to_dict('records')
  accuracies = [_accuracy(x) for x in folders]
  assert row['value'] == pytest.approx(np.mean(accuracies))
  assert row['smallest'] == pytest.approx(min(accuracies))
  assert row['per_class_run'] == DEMO.few_shot[50] == 6
  # Four slices a patient: six slices a class are of two patients each.
  assert row['train_patients_mean'] == 6
  for _, other in few[by == 'slice'].iterrows():
    indices = [
      examples_lib.few_shot_indices(
        train, per_class=int(other['per_class_run']), by='slice', seed=seed
      )
      for seed in range(3)
    ]
    counts = [len(np.unique(train.patient_id[x])) for x in indices]
    assert other['train_patients_mean'] == pytest.approx(np.mean(counts))
  known = few[few['published'].notna()]
  assert known[
    ['model', 'drawn_by', 'per_class', 'published']
  ].values.tolist() == [
    ['Bit-M', 'slice', '100', 94.8],
    ['Bit-M', 'slice', '1000', 98.0],
  ]
  every = table[table['per_class'] == 'all'].set_index('model')
  assert every.loc['Bit-M', 'value'] == pytest.approx(_accuracy(full))
  assert list(every.index) == [
    'Bit-M',
    'COVID-Net CT-1',
    'COVID-Net CT-2 L',
    'COVID-Net CT-2 S',
  ]
  assert '4 of 49 runs finished' in page


def test_axes_name_what_was_run_beside_the_papers_setting():
  run = grid.Run('Bit-M')
  assert labels.settings(PAPER, run) == (
    'images 512x480, 10,000 steps, with mixup'
  )
  assert labels.settings(DEMO, run) == (
    'images 54x48 (512x480), 150 (10,000) steps, with mixup (in brackets the '
    "paper's)"
  )
  assert labels.stacked(labels.per_class(DEMO, 100)) == '12\n100'
  for scale, name in itertools.product((PAPER, DEMO), grid.SCHEDULES):
    assert labels.steps(scale, name).startswith(
      f'{scale.schedules[name][-1]:,}'
    )
