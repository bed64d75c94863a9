# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.sampling."""

import numpy as np
import pytest
import tensorflow as tf

from input_pipeline import sampling


def _epochs(num_examples, num_epochs, *, seed=0):
  """Returns `[num_epochs, num_examples]`, the first part of the stream."""
  stream = tf.data.Dataset.range(num_examples * num_epochs).map(
    lambda position: sampling.shuffled_index(
      position, num_examples=num_examples, seed=seed
    )
  )
  indices = np.array(list(stream.as_numpy_iterator()))
  assert indices.dtype == np.int64
  return indices.reshape(num_epochs, num_examples)


@pytest.mark.parametrize('num_examples', [1, 2, 7, 64, 1000])
def test_every_epoch_is_a_permutation(num_examples):
  epochs = _epochs(num_examples, 6)
  expected = np.broadcast_to(np.arange(num_examples), epochs.shape)
  np.testing.assert_array_equal(np.sort(epochs, axis=1), expected)


def test_epochs_differ_in_their_order():
  assert len({tuple(epoch) for epoch in _epochs(1000, 6)}) == 6
  assert len({tuple(epoch) for epoch in _epochs(7, 30)}) > 15
  # There are but two orders of two.
  assert len({tuple(epoch) for epoch in _epochs(2, 30)}) == 2


def test_the_order_is_a_function_of_the_seed():
  np.testing.assert_array_equal(
    _epochs(100, 2, seed=5), _epochs(100, 2, seed=5)
  )
  assert (_epochs(100, 2, seed=5) != _epochs(100, 2, seed=6)).any(axis=1).all()
  # Not the same orders, an epoch later.
  assert (_epochs(100, 2, seed=5)[1] != _epochs(100, 2, seed=6)[0]).any()


def test_neighbours_of_a_split_are_no_neighbours_in_an_epoch():
  epochs = _epochs(1000, 5).astype(float)
  for shift in (1, 2, 10):
    r = np.corrcoef(epochs[:, :-shift].ravel(), epochs[:, shift:].ravel())[0, 1]
    # Five standard deviations of independent draws.
    assert abs(r) < 5 / np.sqrt(5000), shift


def test_eager_and_in_tf_data_are_the_same():
  eager = [
    int(
      sampling.shuffled_index(
        tf.constant(position, tf.int64), num_examples=7, seed=0
      )
    )
    for position in range(21)
  ]
  assert eager == _epochs(7, 3).ravel().tolist()


@pytest.mark.parametrize('num_hosts', [1, 2, 4])
def test_positions_of_the_hosts_together_are_the_batch(num_hosts):
  for step in (0, 1, 1_000_000_000_000):
    parts = [
      sampling.host_positions(
        tf.constant(step, tf.int64), batch=8, host=host, num_hosts=num_hosts
      ).numpy()
      for host in range(num_hosts)
    ]
    assert all(len(part) == 8 // num_hosts for part in parts)
    together = np.concatenate(parts)
    assert together.dtype == np.int64
    np.testing.assert_array_equal(together, step * 8 + np.arange(8))


def test_seeds_of_augmentation_differ_by_position_and_by_seed():
  seeds = {
    tuple(
      sampling.example_seed(tf.constant(position, tf.int64), seed=seed)
      .numpy()
      .tolist()
    )
    for position in range(30)
    for seed in range(3)
  }
  assert len(seeds) == 90
