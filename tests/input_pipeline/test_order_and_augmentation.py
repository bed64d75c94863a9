# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.order_and_augmentation."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from input_pipeline import order_and_augmentation


def _epochs(num_examples, num_epochs, *, seed=0):
  """Returns `[num_epochs, num_examples]`, the first part of the stream."""
  stream = tf.data.Dataset.range(num_examples * num_epochs).map(
    lambda position: order_and_augmentation.shuffled_index(
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
      order_and_augmentation.shuffled_index(
        tf.constant(position, tf.int64), num_examples=7, seed=0
      )
    )
    for position in range(21)
  ]
  assert eager == _epochs(7, 3).ravel().tolist()


def test_seeds_of_augmentation_differ_by_position_and_by_seed():
  seeds = {
    tuple(
      order_and_augmentation.example_seed(
        tf.constant(position, tf.int64), seed=seed
      )
      .numpy()
      .tolist()
    )
    for position in range(30)
    for seed in range(3)
  }
  assert len(seeds) == 90


def _crops(count, *, size=16, crop=13, seed=0):
  """Returns top, left and flip of the first positions of a stream."""
  dataset = tf.data.Dataset.range(count).map(
    lambda position: order_and_augmentation.draw_crop_and_flip(
      order_and_augmentation.example_seed(position, seed=seed),
      size=size,
      crop=crop,
    )
  )
  return [
    (int(top), int(left), bool(flip))
    for top, left, flip in dataset.as_numpy_iterator()
  ]


def test_crops_lie_in_the_image_and_come_from_all_of_it():
  counts = collections.Counter((top, left) for top, left, _ in _crops(800))
  assert set(counts) == {(y, x) for y in range(4) for x in range(4)}
  # 50 each; the bound is five standard deviations.
  assert all(abs(count - 50) < 5 * np.sqrt(50) for count in counts.values())


def test_half_of_the_images_are_flipped():
  # BiT's own pipeline flips all of them.
  flips = [flip for _, _, flip in _crops(800)]
  assert abs(sum(flips) - 400) < 5 * np.sqrt(800) / 2


def test_flips_do_not_depend_on_the_crop():
  draws = _crops(800)
  for axis in (0, 1):
    for offset in range(4):
      flips = [draw[2] for draw in draws if draw[axis] == offset]
      assert abs(np.mean(flips) - 0.5) < 5 * 0.5 / np.sqrt(len(flips))


def test_a_crop_of_the_whole_image_is_but_flipped():
  draws = _crops(50, crop=16)
  assert {(top, left) for top, left, _ in draws} == {(0, 0)}
  assert {flip for _, _, flip in draws} == {False, True}


def test_crop_and_flip_are_a_function_of_the_seed():
  assert _crops(50, seed=1) == _crops(50, seed=1)
  assert _crops(50, seed=1) != _crops(50, seed=2)


def test_crop_and_flip_are_those_of_tensorflow():
  coded = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
  for position, (top, left, flip) in enumerate(_crops(30)):
    seed = order_and_augmentation.example_seed(
      tf.constant(position, tf.int64), seed=0
    )
    crop_seed, flip_seed = tf.unstack(tf.random.split(seed, 2))
    expected = tf.image.stateless_random_flip_left_right(
      tf.image.stateless_random_crop(coded, (13, 13, 1), crop_seed), flip_seed
    )
    part = coded[top : top + 13, left : left + 13]
    np.testing.assert_array_equal(part[:, ::-1] if flip else part, expected)
