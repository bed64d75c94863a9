# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs are made once, by one process, whatever interrupts them."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from bit_covid.paper import grid
from bit_covid.training import cost
from bit_covid.training import queue
from bit_covid.training import run_directory
from bit_covid.training import run_identity
from configs import common

_RUNS = [grid.Run('Bit-M', seed=seed) for seed in range(5)]


def _task(run):
  config = common.get_config()
  config.seed, config.schedule, config.data.path = run.seed, (1, 2), 'here'
  return queue.Task(run, config, cost.Cost(1, 1, 1, 1, 1e12))


_TASKS = [_task(run) for run in _RUNS]


class _Trainer:
  """Stands in for the training: leaves what the queue looks at."""

  def __init__(self, diverging=(), failing=()):
    self.seeds = []
    self._diverging = diverging
    self._failing = failing

  def __call__(self, config, folder):
    self.seeds.append(config.seed)
    print('a line of the run')
    (folder / 'checkpoints').mkdir()
    if config.seed in self._diverging:
      raise FloatingPointError('Loss is NaN.')
    if config.seed in self._failing:
      raise ValueError('No such data.')
    tree = json.loads(config.to_json())
    tree['data'] = run_identity.without_places(tree['data'])
    (folder / 'config.json').write_text(
      json.dumps(tree | {'fingerprints': {'train': 'x'}})
    )
    run_directory.mark_finished(folder)


def test_each_run_is_made_once(tmp_path):
  trainer = _Trainer()
  outcome = queue.work(_TASKS[:2], tmp_path, train=trainer)
  assert outcome.made == _RUNS[:2]
  outcome = queue.work(_TASKS, tmp_path, train=trainer)
  assert outcome.made == _RUNS[2:]
  assert trainer.seeds == [0, 1, 2, 3, 4]
  assert queue.left(_TASKS, tmp_path) == []


def test_what_a_run_prints_goes_to_its_log(tmp_path, capsys):
  queue.work(_TASKS[:1], tmp_path, train=_Trainer())
  folder = _RUNS[0].folder(tmp_path)
  assert (folder / 'log.txt').read_text() == 'a line of the run\n'
  printed = capsys.readouterr().out
  assert 'a line of the run' not in printed
  assert printed.startswith(f'1 of 1: {_RUNS[0].name}')


@pytest.mark.parametrize('keep', [True, False])
def test_checkpoints_of_finished_runs(tmp_path, keep):
  queue.work(_TASKS[:1], tmp_path, train=_Trainer(), keep_checkpoints=keep)
  folder = _RUNS[0].folder(tmp_path)
  assert (folder / 'checkpoints').exists() == keep


def test_a_run_that_diverges_stops_no_other(tmp_path):
  outcome = queue.work(_TASKS, tmp_path, train=_Trainer(diverging=[1]))
  assert outcome.made == [run for run in _RUNS if run.seed != 1]
  assert outcome.diverged == {_RUNS[1]: 'Loss is NaN.'}
  assert [task.run for task in queue.left(_TASKS, tmp_path)] == [_RUNS[1]]


def test_any_other_error_ends_the_work(tmp_path):
  trainer = _Trainer(failing=[1])
  with pytest.raises(ValueError, match='No such data'):
    queue.work(_TASKS, tmp_path, train=trainer)
  assert trainer.seeds == [0, 1]


def test_a_finished_run_with_another_config_is_refused(tmp_path):
  queue.work(_TASKS[:1], tmp_path, train=_Trainer())
  other = _task(_RUNS[0])
  other.config.seed = 9
  with pytest.raises(ValueError, match='seed is 0 there, 9 here'):
    queue.left([other], tmp_path)


def test_elsewhere_is_no_other_config(tmp_path):
  queue.work(_TASKS[:1], tmp_path, train=_Trainer())
  other = _task(_RUNS[0])
  other.config.data.path = 'there'
  assert queue.left([other], tmp_path) == []


_HOLD = """
import pathlib, sys, time
from bit_covid.paper import grid
from bit_covid.training import queue
with queue._claim(grid.Run('Bit-M', seed=1), pathlib.Path(sys.argv[1])) as mine:
  print(mine, flush=True)
  time.sleep(60)
"""


def test_a_run_that_another_process_makes_is_left_to_it(tmp_path):
  (tmp_path / 'claims').mkdir()
  holder = subprocess.Popen(
    [sys.executable, '-c', _HOLD, str(tmp_path)],
    stdout=subprocess.PIPE,
    text=True,
    env=os.environ | {'JAX_PLATFORMS': 'cpu'},
  )
  try:
    assert holder.stdout.readline() == 'True\n'
    trainer = _Trainer()
    outcome = queue.work(_TASKS, tmp_path, train=trainer)
    assert outcome.elsewhere == [_RUNS[1]]
    assert 1 not in trainer.seeds
  finally:
    # As when a machine runs out of memory: nothing is tidied up.
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
  deadline = time.monotonic() + 10
  while not trainer.seeds.count(1) and time.monotonic() < deadline:
    queue.work(_TASKS, tmp_path, train=trainer)
  assert trainer.seeds == [0, 2, 3, 4, 1]


def test_shards_are_all_runs_and_share_none():
  parts = [queue.shard(_TASKS, index=i, count=3) for i in (1, 2, 3)]
  runs = [task.run for part in parts for task in part]
  assert sorted(runs) == _RUNS
  assert max(map(len, parts)) - min(map(len, parts)) <= 1
  with pytest.raises(ValueError, match='Shard 4 of 3'):
    queue.shard(_TASKS, index=4, count=3)


def test_seconds_are_a_constant_and_a_speed():
  assert queue.predict_seconds([_TASKS[0].cost], []) is None
  # 20 s for the start and 1e13 operations a second.
  made = [
    (cost.Cost(1, 1, 1, 1, operations), 20 + operations / 1e13)
    for operations in (1e14, 3e14, 5e15)
  ]
  costs = [cost.Cost(1, 1, 1, 1, 1e15), cost.Cost(1, 1, 1, 1, 2e15)]
  np.testing.assert_allclose(queue.predict_seconds(costs, made), 2 * 20 + 300)


def test_seconds_after_one_run():
  run = cost.Cost(1, 1, 1, 1, 1e14)
  again = queue.predict_seconds([run] * 2, [(run, 30.0)])
  np.testing.assert_allclose(again, 60)
