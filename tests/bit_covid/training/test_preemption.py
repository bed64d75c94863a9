# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A training that is stopped goes on to the same end."""

import math
import signal

from etils import epath
import jax
import numpy as np
import pytest

from bit_covid.base import stop_signals
from bit_covid.training import metric_log
from bit_covid.training import preemption
from bit_covid.training import steps
from bit_covid.training import train
from bit_covid.weights import bit_npz
from tests import changed_updates

pytestmark = pytest.mark.usefixtures('small_network')


@pytest.fixture
def config(make_small_config):
  config = make_small_config()
  config.report = False
  return config


@pytest.fixture(scope='module')
def whole(make_small_config, small_network, tmp_path_factory):
  """The folder of a run that nothing stopped."""
  del small_network
  config = make_small_config()
  config.report = False
  workdir = tmp_path_factory.mktemp('whole')
  train.train_and_evaluate(config, workdir)
  return workdir


def _assert_same(workdir, whole):
  for name in ('metrics.jsonl', 'predictions/test.csv'):
    assert (workdir / name).read_bytes() == (whole / name).read_bytes(), name
  jax.tree.map(
    np.testing.assert_array_equal,
    bit_npz.load(workdir / 'model.npz').params,
    bit_npz.load(whole / 'model.npz').params,
  )


def _checkpoints(workdir):
  return sorted(int(x.name) for x in (workdir / 'checkpoints').iterdir())


def _signal_in_step(patch, number, signum):
  """Sends a signal while a step is computed."""

  def change(state):
    if int(state.step) == number:
      signal.raise_signal(signum)
    return state

  changed_updates.after_each(patch, change)


@pytest.mark.parametrize(
  ('signum', 'code', 'step'),
  [
    (signal.SIGTERM, 143, 1),
    (signal.SIGINT, 130, 5),
    (signal.SIGTERM, 143, 8),
  ],
)
def test_step_in_hand_is_saved_and_the_run_goes_on(
  config, tmp_path, monkeypatch, whole, signum, code, step
):
  with monkeypatch.context() as patch:
    _signal_in_step(patch, step, signum)
    with pytest.raises(stop_signals.Stopped) as stop:
      train.train_and_evaluate(config, tmp_path)
  assert stop.value.exit_code == code
  assert str(stop.value) == (
    f'Stopped by {signum.name} after step {step} of 8, which is saved in '
    f'{tmp_path}. The same command goes on from there.'
  )
  assert _checkpoints(tmp_path)[-1] == step
  assert not (tmp_path / 'model.npz').exists()
  train.train_and_evaluate(config, tmp_path)
  _assert_same(tmp_path, whole)


def test_second_signal_stops_at_once(config, tmp_path, monkeypatch):
  _signal_in_step(monkeypatch, 2, signal.SIGINT)
  original = steps.monitor_lib.Monitor.after_update

  def after_update(self, step, *args):
    if step == 2:
      signal.raise_signal(signal.SIGINT)
    original(self, step, *args)

  monkeypatch.setattr(steps.monitor_lib.Monitor, 'after_update', after_update)
  with pytest.raises(KeyboardInterrupt) as stop:
    train.train_and_evaluate(config, tmp_path)
  assert not isinstance(stop.value, stop_signals.Stopped)
  assert _checkpoints(tmp_path) == []


def test_time_limit_stops_and_each_start_gets_further(config, tmp_path, whole):
  for step in (1, 2, 3):
    with pytest.raises(stop_signals.Stopped, match='the time limit') as stop:
      train.train_and_evaluate(config, tmp_path, max_minutes=1e-6)
    assert stop.value.exit_code == 143
    assert _checkpoints(tmp_path)[-1] == step
  train.train_and_evaluate(config, tmp_path, max_minutes=60)
  _assert_same(tmp_path, whole)


def _stopper(workdir, last_step):
  return preemption.Stopper(
    epath.Path(workdir), last_step=last_step, deadline=math.inf
  )


def test_signal_in_the_last_save_is_not_lost(tmp_path):
  def train_two_steps():
    with _stopper(tmp_path, 2) as stopper:
      assert not stopper.is_due(2)
      signal.raise_signal(signal.SIGTERM)

  with pytest.raises(stop_signals.Stopped, match='after step 2 of 2'):
    train_two_steps()


def test_an_error_is_not_hidden_by_a_signal(tmp_path):
  def diverge():
    with _stopper(tmp_path, 2):
      signal.raise_signal(signal.SIGTERM)
      raise FloatingPointError

  with pytest.raises(FloatingPointError):
    diverge()
  assert not stop_signals.received()


def test_several_hosts_stop_after_the_same_step(tmp_path, monkeypatch):
  asked, due, waited = [], [], []

  def allgather(own):
    # The signal reaches the other of two hosts.
    asked.append(int(own))
    return np.array([own, signal.SIGTERM], np.int32)

  def train_until_due():
    with _stopper(tmp_path, 12) as stopper:
      while not due or not due[-1]:
        due.append(stopper.is_due(len(due) + 1))

  monkeypatch.setattr(preemption.jax, 'process_count', lambda: 2)
  monkeypatch.setattr(
    preemption.multihost_utils, 'process_allgather', allgather
  )
  monkeypatch.setattr(
    preemption.multihost_utils, 'sync_global_devices', waited.append
  )
  with pytest.raises(stop_signals.Stopped, match='SIGTERM after step 10 of 12'):
    train_until_due()
  assert due == [False] * 9 + [True]
  assert asked == [0]
  # For the others, which may still be saving.
  assert waited == ['stopped']


def test_log_has_no_nan(tmp_path):
  log = metric_log.MetricLog(
    epath.Path(tmp_path), restored_step=0, is_writer=True
  )
  log.write(1, {'a': math.nan, 'b': math.inf, 'c': 1.0})
  text = (tmp_path / 'metrics.jsonl').read_text()
  assert text == '{"step": 1, "a": null, "b": null, "c": 1.0}\n'
