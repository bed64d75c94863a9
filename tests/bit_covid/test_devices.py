# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches and states on two fake devices."""

import jax
import numpy as np
import pytest

from bit_covid import devices


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
