# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.threads."""

import itertools
import os
import threading
import time

import pytest

from input_pipeline import threads


@pytest.mark.skipif(
  not hasattr(os, 'sched_setaffinity'), reason='cores cannot be chosen here'
)
def test_only_cores_that_the_process_may_use_count():
  cores = os.sched_getaffinity(0)
  assert threads.num_threads() == len(cores)
  try:
    os.sched_setaffinity(0, {min(cores)})
    assert threads.num_threads() == 1
  finally:
    os.sched_setaffinity(0, cores)


@pytest.fixture(params=[1, 2, 7])
def count(request, monkeypatch):
  monkeypatch.setattr(threads, 'num_threads', lambda: request.param)
  return request.param


@pytest.mark.usefixtures('count')
def test_results_come_in_order_whatever_the_threads():
  def square(i):
    time.sleep(0.001 * (i % 3))  # Out of step.
    return i * i

  result = list(threads.map_ahead(square, range(100)))
  assert result == [i * i for i in range(100)]


@pytest.mark.usefixtures('count')
def test_endless_items_are_taken_a_little_ahead_only():
  taken = []
  items = (taken.append(i) or i for i in itertools.count())
  results = threads.map_ahead(str, items)
  assert [next(results) for _ in range(3)] == ['0', '1', '2']
  assert len(taken) < 100
  results.close()


def test_what_a_function_raises_is_raised_in_its_turn():
  def fail(i):
    if i == 2:
      raise ValueError('the third')
    return i

  results = threads.map_ahead(fail, range(10))
  assert [next(results), next(results)] == [0, 1]
  with pytest.raises(ValueError, match='the third'):
    next(results)


def test_results_that_are_left_leave_no_threads():
  before = threading.active_count()
  results = threads.map_ahead(str, itertools.count())
  next(results)
  assert threading.active_count() > before
  results.close()
  assert threading.active_count() == before
