# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which evaluation is kept, and a training that keeps it, also if resumed."""

import json

from etils import epath
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import predictions
from bit_covid.training import best
from bit_covid.training import metric_log
from bit_covid.training import train
from bit_covid.weights import bit_npz

pytestmark = pytest.mark.usefixtures('small_network')


@pytest.fixture
def config(make_small_config):
  """Eight steps with five evaluations, of which the best is not the last."""
  config = make_small_config()
  config.report = False
  config.keep = 'best_loss'
  config.eval_every, config.checkpoint_every, config.log_every = 2, 2, 2
  # So large that the loss rises again.
  config.learning_rate, config.schedule = 3.0, (2, 12)
  config.final_splits = ('val',)
  return config


def _evaluations(workdir):
  rows = metric_log.read(workdir / 'metrics.jsonl')
  return {x['step']: x['val_loss'] for x in rows if 'val_loss' in x}


def _params(path):
  return bit_npz.to_arrays(bit_npz.load(path).params)


def _assert_same_arrays(one, other):
  assert one.keys() == other.keys()
  for key, array in one.items():
    np.testing.assert_array_equal(array, other[key], err_msg=key)


@pytest.mark.parametrize(
  ('keep', 'step'), [('best_loss', 200), ('best_accuracy', 300)]
)
def test_the_earliest_of_the_best(keep, step):
  values = {100: 0.5, 200: 0.25, 300: 0.75, 400: 0.25, 500: 0.75}
  evaluations = [best.Evaluation(*x) for x in values.items()]
  assert best.choose(evaluations, keep).step == step


def test_a_training_keeps_its_best_evaluation(config, tmp_path, capsys):
  train.train_and_evaluate(config, tmp_path)
  evaluations = _evaluations(tmp_path)
  assert list(evaluations) == [2, 4, 6, 8, 10, 12]
  step = min(evaluations, key=evaluations.get)
  assert step < 12
  # The predictions are those of the parameters that were measured then.
  table = predictions.read(tmp_path / 'predictions' / 'val.csv')
  loss = sklearn_metrics.log_loss(
    table['label'].to_numpy(int), predictions.probabilities(table)
  )
  assert loss == pytest.approx(evaluations[step], rel=1e-6)
  kept = tmp_path / 'best' / f'{step}.npz'
  assert kept in (tmp_path / 'best').iterdir()
  _assert_same_arrays(_params(kept), _params(tmp_path / 'model.npz'))
  assert f'after step {step} is kept: loss of val' in capsys.readouterr().out


def _stop_in_evaluation(monkeypatch, number):
  """Makes the training end in one of its evaluations, as a crash would."""
  original, seen = best.Best.add, []

  def add(self, step, *args):
    seen.append(step)
    if len(seen) == number:
      raise KeyboardInterrupt
    original(self, step, *args)

  monkeypatch.setattr(best.Best, 'add', add)


def test_a_resumed_training_keeps_the_same(config, tmp_path, monkeypatch):
  config.checkpoint_every = 4
  train.train_and_evaluate(config, tmp_path / 'whole')
  # Before there is a checkpoint, and in the last evaluation.
  for number in (2, 6):
    parts = tmp_path / f'parts_{number}'
    with monkeypatch.context() as patch:
      _stop_in_evaluation(patch, number)
      with pytest.raises(KeyboardInterrupt):
        train.train_and_evaluate(config, parts)
    train.train_and_evaluate(config, parts)
    for name in ('metrics.jsonl', 'predictions/val.csv', 'model.npz'):
      expected = (tmp_path / 'whole' / name).read_bytes()
      assert (parts / name).read_bytes() == expected, (number, name)


def test_a_training_stops_early_and_stays_stopped(config, tmp_path):
  config.early_stop = 2
  train.train_and_evaluate(config, tmp_path)
  evaluations = _evaluations(tmp_path)
  values = list(evaluations.values())
  chosen = int(np.argmin(values))
  assert len(values) == chosen + 1 + 2 < 6
  log = (tmp_path / 'metrics.jsonl').read_bytes()
  model = _params(tmp_path / 'model.npz')
  train.train_and_evaluate(config, tmp_path)
  assert (tmp_path / 'metrics.jsonl').read_bytes() == log
  _assert_same_arrays(_params(tmp_path / 'model.npz'), model)


def test_only_what_a_checkpoint_may_need_is_left(config, tmp_path):
  config.keep = 'best_accuracy'
  log = tmp_path / 'metrics.jsonl'
  accuracies = {2: 0.5, 4: 0.6, 6: 0.7, 8: 0.65}
  rows = [{'step': k, 'val_accuracy': x} for k, x in accuracies.items()]
  log.write_text(''.join(json.dumps(x) + '\n' for x in rows))
  (tmp_path / 'best').mkdir()
  for step in (2, 4, 6):
    (tmp_path / 'best' / f'{step}.npz').write_bytes(b'')
  kept = best.Best(config, epath.Path(tmp_path), 8)
  kept.prune([4, 8])
  left = sorted(x.name for x in (tmp_path / 'best').iterdir())
  assert left == ['4.npz', '6.npz']


def test_what_was_measured_after_the_restored_step_does_not_count(
  config, tmp_path
):
  config.early_stop = 1
  rows = [{'step': 2, 'val_loss': 1.0}, {'step': 4, 'val_loss': 2.0}]
  text = ''.join(json.dumps(x) + '\n' for x in rows)
  (tmp_path / 'metrics.jsonl').write_text(text)
  folder = epath.Path(tmp_path)
  assert best.Best(config, folder, 4).is_over()
  assert not best.Best(config, folder, 2).is_over()


def test_missing_parameters_are_named(config, tmp_path):
  train.train_and_evaluate(config, tmp_path)
  for path in (tmp_path / 'best').iterdir():
    path.unlink()
  with pytest.raises(FileNotFoundError, match=r'best/\d+\.npz is missing'):
    train.train_and_evaluate(config, tmp_path)
