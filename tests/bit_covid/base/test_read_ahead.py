# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Items that another thread makes: their order, number, errors and end."""

import threading

import pytest

from bit_covid.base import read_ahead


def test_items_come_in_order_from_another_thread():
  threads = set()

  def count():
    for number in range(5):
      threads.add(threading.get_ident())
      yield number

  with read_ahead.read_ahead(count(), most=2) as items:
    assert list(items) == [0, 1, 2, 3, 4]
  assert len(threads) == 1
  assert threading.get_ident() not in threads


def test_only_so_many_items_are_made_ahead_and_none_after_the_end():
  made, numbers = [], threading.Semaphore(0)

  def count():
    for number in range(1000):
      made.append(number)
      numbers.release()
      yield number

  with read_ahead.read_ahead(count(), most=3) as items:
    assert next(items) == 0
    # The item that was taken, and three that wait for it.
    for _ in range(4):
      assert numbers.acquire(timeout=60)
    assert not numbers.acquire(timeout=0.05)
    assert next(items) == 1
    assert numbers.acquire(timeout=60)
  assert made == [0, 1, 2, 3, 4]


def test_an_error_is_raised_at_its_place():
  def fail():
    yield 1
    raise OSError('the disk is gone')

  with read_ahead.read_ahead(fail(), most=4) as items:
    assert next(items) == 1
    with pytest.raises(OSError, match='the disk is gone'):
      next(items)
