# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches and states on two fake devices."""

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
  assert ('parts of accumulation' in message) == (accumulation > 1)
  assert f'a multiple of {divisor}' in message
  devices.check_divides('config.batch', 8, accumulation=accumulation)


def test_batches_are_put_on_the_devices_in_order_and_one_ahead():
  taken = []

  def batches():
    for number in range(4):
      taken.append(number)
      yield {'x': np.arange(6) + 10 * number}

  for number, batch in enumerate(devices.prefetch_to_device(batches())):
    assert len(taken) == min(number + 2, 4)
    np.testing.assert_array_equal(
      batch['x'], (np.arange(6) + 10 * number).reshape(2, 3)
    )
    shards = batch['x'].addressable_shards
    assert [shard.data.shape for shard in shards] == [(1, 3)] * 2
    assert {shard.device for shard in shards} == set(jax.local_devices())
  assert number == 3
  assert not list(devices.prefetch_to_device([]))


def test_a_prefetched_batch_is_not_moved_again():
  calls = []

  @devices.data_parallel
  def double(factor, batch):
    calls.append(1)  # When it is traced.
    return devices.gather_from_devices(batch['x'] * factor)

  factor = devices.replicate(np.int32(2))

  for batch in devices.prefetch_to_device(
    [{'x': np.arange(4, dtype=np.int32)}] * 3
  ):
    with jax.transfer_guard('disallow'):
      result = double(factor, batch)
    np.testing.assert_array_equal(result, [[0, 2], [4, 6]])
  assert len(calls) == 1


def test_mean_over_devices_is_that_of_numpy():
  values = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
  mean = devices.data_parallel(
    lambda offset, batch: devices.mean_over_devices(batch + offset)
  )
  result = mean(devices.replicate(np.float32(1)), values)
  np.testing.assert_allclose(result, values.mean(axis=0) + 1, rtol=1e-6)
  for part in result.addressable_shards:
    np.testing.assert_allclose(part.data, values.mean(axis=0) + 1, rtol=1e-6)


def test_a_donated_argument_cannot_be_used_again():
  add = devices.data_parallel(
    lambda total, x: total + devices.mean_over_devices(x), donate_first=True
  )
  total = devices.replicate(np.zeros(3, np.float32))
  np.testing.assert_array_equal(
    add(total, np.ones((2, 3), np.float32)), [1] * 3
  )
  assert total.is_deleted()
