# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches and states on two fake devices."""

import functools

import jax
import numpy as np
import pytest

from bit_covid.base import devices


def test_there_are_two_devices():
  assert jax.device_count() == 2


def test_shard_keeps_the_order():
  sharded = devices.shard({'x': np.arange(12).reshape(6, 2)})['x']
  assert sharded.shape == (2, 3, 2)
  np.testing.assert_array_equal(sharded.reshape(6, 2)[:, 0], range(0, 12, 2))


def test_replicate_puts_equal_values_on_all_devices():
  tree = devices.replicate({'a': np.arange(3.0, dtype=np.float32)})
  shards = tree['a'].addressable_shards
  assert len({shard.device for shard in shards}) == 2
  for shard in shards:
    np.testing.assert_array_equal(shard.data, [0, 1, 2])
  np.testing.assert_array_equal(devices.to_host(tree)['a'], [0, 1, 2])


@pytest.mark.parametrize(
  ('batch', 'accumulation', 'divisor'), [(3, 1, 2), (0, 1, 2), (6, 2, 4)]
)
def test_batch_that_does_not_divide(batch, accumulation, divisor):
  with pytest.raises(ValueError) as error:  # noqa: PT011
    devices.check_divides('config.batch', batch, accumulation=accumulation)
  message = str(error.value)
  assert f'config.batch={batch}' in message
  assert '2 devices' in message
  assert f'a multiple of {divisor}' in message
  devices.check_divides('config.batch', 8, accumulation=accumulation)


def test_batches_are_put_on_the_devices_in_order_and_one_ahead():
  taken = []

  def batches():
    for number in range(4):
      taken.append(number)
      yield {'x': np.arange(6) + 10 * number}

  for number, batch in enumerate(devices.put_ahead(batches())):
    assert len(taken) == min(number + 2, 4)
    np.testing.assert_array_equal(
      batch['x'], (np.arange(6) + 10 * number).reshape(2, 3)
    )
    shards = batch['x'].addressable_shards
    assert [shard.data.shape for shard in shards] == [(1, 3)] * 2
    assert {shard.device for shard in shards} == set(jax.local_devices())
  assert number == 3
  assert not list(devices.put_ahead([]))


def test_a_batch_that_was_put_ahead_is_taken_as_it_is():
  calls = []

  @functools.partial(jax.pmap, axis_name=devices.AXIS)
  def double(batch):
    calls.append(1)  # When it is traced.
    return jax.tree.map(lambda x: x * 2, batch)

  for batch in devices.put_ahead([{'x': np.arange(4)}] * 3):
    with jax.transfer_guard('disallow'):
      result = double(batch)
    np.testing.assert_array_equal(result['x'], [[0, 2], [4, 6]])
  assert len(calls) == 1
