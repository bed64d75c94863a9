# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training states, there and back."""

from etils import epath
import jax
import numpy as np
import optax
import pytest

from bit_covid.base import devices
from bit_covid.training import checkpoints
from bit_covid.training import train_step


def _state(value, width=3):
  params = {'head': {'kernel': np.full((width, 2), value, np.float32)}}
  state = train_step.create_state(params, optax.sgd(0.1, momentum=0.9))
  return state.replace(step=np.int32(value))


def _save(workdir, value):
  with checkpoints.Checkpoints(workdir) as saved:
    state = devices.to_host(devices.replicate(_state(value)))
    saved.save(value, state)


def test_state_comes_back_bit_for_bit(tmp_path):
  workdir = epath.Path(tmp_path)
  _save(workdir, 7)
  with checkpoints.Checkpoints(workdir) as saved:
    restored = saved.restore(_state(0))
  jax.tree.map(np.testing.assert_array_equal, restored, _state(7))
  assert jax.tree.structure(restored) == jax.tree.structure(_state(7))


def test_without_a_checkpoint_the_state_stays(tmp_path):
  with checkpoints.Checkpoints(epath.Path(tmp_path)) as saved:
    restored = saved.restore(_state(0))
  jax.tree.map(np.testing.assert_array_equal, restored, _state(0))


def test_last_two_are_kept_and_the_last_is_restored(tmp_path):
  workdir = epath.Path(tmp_path)
  for step in (1, 2, 3):
    _save(workdir, step)
  kept = {path.name for path in (workdir / 'checkpoints').iterdir()}
  assert kept == {'2', '3'}
  with checkpoints.Checkpoints(workdir) as saved:
    assert saved.restore(_state(0)).step == 3


def test_remains_of_a_save_that_was_cut_short_do_not_count(tmp_path):
  workdir = epath.Path(tmp_path)
  _save(workdir, 1)
  remains = workdir / 'checkpoints' / '2.orbax-checkpoint-tmp'
  remains.mkdir()
  (remains / 'half').write_text('x')
  with checkpoints.Checkpoints(workdir) as saved:
    assert saved.restore(_state(0)).step == 1
  assert not remains.exists()


def test_state_of_another_network_is_refused(tmp_path):
  workdir = epath.Path(tmp_path)
  _save(workdir, 1)
  with (
    checkpoints.Checkpoints(workdir) as saved,
    pytest.raises(ValueError, match='shape'),
  ):
    saved.restore(_state(0, width=4))
