# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The grids are the paper's."""

import collections

import pytest

from bit_covid.paper import grid
from bit_covid.training import schedule


def test_figure_6_is_the_whole_grid_of_32():
  runs = grid.runs(['figure6'])
  assert len(runs) == 32
  assert {run.initialisation for run in runs} == {'Bit-M'}
  # As the section "Hyperparameters sensitivity" lists them.
  assert {run.resolution for run in runs} == {
    '160x128',
    '256x224',
    '448x384',
    '512x480',
  }
  assert {schedule.SCHEDULES[run.schedule] for run in runs} == {
    (100, 200, 300, 400, 500),
    (500, 1500, 3000, 4500, 5000),
    (500, 3000, 6000, 9000, 10_000),
    (500, 6000, 12_000, 18_000, 20_000),
  }
  each = collections.Counter(
    (run.resolution, run.schedule, run.mixup) for run in runs
  )
  assert len(each) == 32
  assert all(run.per_class == 0 for run in runs)


def test_the_sweeps_are_16_points_two_of_them_in_both():
  runs = grid.runs(['figure6'], sweeps=True)
  by_resolution = [run for run in runs if run.schedule == '10k']
  by_schedule = [run for run in runs if run.resolution == '512x480']
  assert len(by_resolution) == len(by_schedule) == 8
  assert len(set(by_resolution) & set(by_schedule)) == 2
  assert set(by_resolution) | set(by_schedule) == set(runs)


def test_table_3_has_five_initialisations_with_10_000_steps_and_mixup():
  runs = grid.runs(['table3'])
  assert [run.initialisation for run in runs] == [
    'Random',
    'Bit-S',
    'Bit-M',
    'Bit-M-C',
    'Bit-M-S',
  ]
  assert all(run.mixup and run.schedule == '10k' for run in runs)
  assert all(run.is_default for run in runs)
  assert grid.runs(['figure7']) == runs


def test_table_1_has_the_three_models_of_the_paper():
  names = [run.initialisation for run in grid.runs(['table1'])]
  assert names == ['Random', 'Bit-S', 'Bit-M']
  assert grid.runs(['table1']) == grid.runs(['table2'])


def test_figure_8_draws_by_slice_and_by_patient():
  runs = grid.runs(['figure8'], seeds=1, few_shot_seeds=3)
  few = [run for run in runs if run.per_class]
  assert [run for run in runs if not run.per_class] == [grid.Run('Bit-M')]
  assert collections.Counter(
    (run.initialisation, run.per_class_by, run.per_class) for run in few
  ) == {
    (initialisation, by, number): 3
    for initialisation in ('Bit-M', 'Random')
    for by in ('slice', 'patient')
    for number in (50, 100, 500, 1000)
  }
  # BiT-HyperRule below 20,000 images.
  assert {(run.schedule, run.mixup) for run in few} == {('500', False)}


def test_items_share_their_runs():
  everything = grid.runs(list(grid.ITEMS), few_shot_seeds=1)
  # 32 of Figure 6, of which one is Bit-M of the tables; four other
  # initialisations; 16 on few slices.
  assert len(everything) == len(set(everything)) == 32 + 4 + 16


def test_different_runs_have_different_folders():
  everything = grid.runs(list(grid.ITEMS), seeds=3)
  assert len({run.name for run in everything}) == len(everything)


@pytest.mark.parametrize('item', grid.ITEMS)
def test_more_seeds_repeat_every_setting(item):
  once = grid.runs([item], few_shot_seeds=1)
  thrice = grid.runs([item], seeds=3, few_shot_seeds=2)
  assert len(thrice) == 3 * len(once)
  assert {run.with_seed(0) for run in thrice} == set(once)
