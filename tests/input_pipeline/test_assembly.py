# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.assembly."""

import itertools
import threading
import time

import numpy as np
import pytest

from input_pipeline import assembly


def _plans(count, size=3):
  for first in range(0, count * size, size):
    yield {'index': np.arange(first, first + size)}


def _write_index(plan, i, image):
  image[...] = plan['index'][i]


@pytest.fixture(params=[1, 2, 7])
def threads(request, monkeypatch):
  monkeypatch.setattr(assembly, 'num_threads', lambda: request.param)
  return request.param


@pytest.mark.usefixtures('threads')
@pytest.mark.parametrize('count', [0, 1, 2, 20])
def test_batches_come_in_order_whatever_the_threads(count):
  def load(plan, i, image):
    time.sleep(0.001 * (plan['index'][i] % 3))  # Out of step.
    _write_index(plan, i, image)

  result = list(assembly.assemble(_plans(count), load, shape=(2, 2)))
  assert len(result) == count
  for number, (plan, images) in enumerate(result):
    expected = 3 * number + np.arange(3)
    np.testing.assert_array_equal(plan['index'], expected)
    assert (images.shape, images.dtype) == ((3, 2, 2), np.uint8)
    np.testing.assert_array_equal(images[:, 0, 0], expected)


def test_endless_plans_are_taken_a_little_ahead_only(threads):
  taken = itertools.count()
  plans = ({'index': np.array([next(taken)])} for _ in itertools.count())
  stream = assembly.assemble(plans, _write_index, shape=(1, 1))
  for _ in range(5):
    next(stream)
  assert next(taken) <= 5 + max(2, 2 * threads) + 1
  stream.close()


def test_batches_are_made_while_one_is_used():
  loaded = threading.Semaphore(0)

  def load(plan, i, image):
    _write_index(plan, i, image)
    loaded.release()

  stream = assembly.assemble(_plans(10), load, shape=(1, 1))
  next(stream)
  for _ in range(3 * 3):  # This batch and two more, without asking for them.
    assert loaded.acquire(timeout=10)
  stream.close()


@pytest.mark.usefixtures('threads')
def test_what_a_thread_raises_is_raised_in_its_turn():
  def load(plan, i, image):
    if plan['index'][i] == 7:
      raise ValueError('the image of slice 7')

  stream = assembly.assemble(_plans(10), load, shape=(1, 1))
  next(stream)
  next(stream)
  with pytest.raises(ValueError, match='the image of slice 7'):
    next(stream)


def test_a_stream_that_is_left_leaves_no_threads():
  before = threading.active_count()
  stream = assembly.assemble(_plans(100), _write_index, shape=(1, 1))
  next(stream)
  assert threading.active_count() > before
  stream.close()
  assert threading.active_count() == before
