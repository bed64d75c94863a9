# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""While a network is trained, its state is the only copy of its parameters."""

import weakref

import jax
import numpy as np
import pytest

from bit_covid.training import checkpoints
from bit_covid.training import monitor
from bit_covid.training import train
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata

pytestmark = pytest.mark.usefixtures('small_network')


@pytest.fixture
def config(make_small_config):
  config = make_small_config()
  config.eval_every = 0
  config.final_splits = ()
  return config


@pytest.fixture
def initial(monkeypatch):
  """Weak references to the initial parameters of the trainings of a test."""
  references, original = [], train.initial_params

  def initial_params(*args):
    params = original(*args)
    references.extend(map(weakref.ref, jax.tree.leaves(params)))
    return params

  monkeypatch.setattr(train, 'initial_params', initial_params)
  return references


def _addresses(arrays):
  """Returns where the parts of the arrays lie on the devices."""
  return {
    shard.data.unsafe_buffer_pointer()
    for x in arrays
    for shard in x.addressable_shards
  }


def _strangers(state):
  """Returns the shapes of live kernels that are not those of the state."""
  own = _addresses(jax.tree.leaves(state))
  # Only kernels of convolutions have four axes; batches have five.
  kernels = [x for x in jax.live_arrays() if x.ndim == 4]
  return [x.shape for x in kernels if not _addresses([x]) <= own]


@pytest.mark.parametrize('init', ['random', 'checkpoint'])
def test_training_frees_initial_parameters_and_those_it_has_saved(
  config, tmp_path, monkeypatch, random_params, initial, init
):
  if init == 'checkpoint':
    config.init = str(tmp_path / 'initial.npz')
    bit_npz.save(
      config.init,
      jax.tree.map(np.asarray, random_params('tiny')),
      model_name='tiny',
      metadata=metadata.Metadata(('a', 'b', 'c')),
    )
  before = jax.live_arrays()  # Held, so that no other gets their addresses.
  counted, saved = {}, []
  after_update = monitor.Monitor.after_update
  save = checkpoints.Checkpoints.save

  def count(self, step, state, batch):
    known = [*before, *jax.tree.leaves(state)]
    alive = sum(reference() is not None for reference in initial)
    counted[step] = (alive, _strangers(known))
    after_update(self, step, state, batch)

  def save_and_wait(self, step, state):
    saved.extend(map(weakref.ref, jax.tree.leaves(state)))
    save(self, step, state)
    self._wait()

  monkeypatch.setattr(monitor.Monitor, 'after_update', count)
  monkeypatch.setattr(checkpoints.Checkpoints, 'save', save_and_wait)
  train.train_and_evaluate(config, tmp_path / 'run')
  assert initial
  # After the fourth step there was a checkpoint.
  assert counted == {step: (0, []) for step in range(1, 9)}
  assert len(saved) > 2 * len(initial)
  assert not any(reference() is not None for reference in saved)
