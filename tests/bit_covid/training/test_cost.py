# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Costs against counts by hand."""

import pytest

from bit_covid.models import resnet_v2
from bit_covid.paper import grid
from bit_covid.paper import scales
from bit_covid.training import cost

_PAPER = scales.SCALES['paper']


def _convolutions(size: resnet_v2.Size, side: int) -> int:
  """Returns twice the multiplications of all convolutions, borders included."""
  side //= 2
  count = side**2 * 49 * size.width  # One input channel.
  side //= 2
  channels = size.width
  for block, units in enumerate(size.block_units):
    width = size.width * 2**block
    for unit in range(units):
      stride = 2 if block and unit == 0 else 1
      out = side // stride
      count += side**2 * channels * width
      count += out**2 * 9 * width**2
      count += out**2 * width * 4 * width
      if unit == 0:
        count += out**2 * channels * 4 * width
      side, channels = out, 4 * width
  return 2 * count


@pytest.mark.parametrize('model', ['tiny', 'R26x0.5', 'R50x1'])
@pytest.mark.parametrize('crop', [64, 224])
def test_operations_are_those_of_the_convolutions(model, crop):
  expected = _convolutions(resnet_v2.MODELS[model], crop)
  found = cost.forward_operations(model, crop)
  # XLA leaves out products with the padding, and counts norms: at a last map of
  # 2 x 2, most of a 3 x 3 kernel lies over the padding.
  assert found == pytest.approx(expected, rel=0.3 if crop == 64 else 0.1)


def test_cost_of_a_run_of_the_paper():
  config = scales.make_config(grid.Run('Bit-M'), _PAPER)
  found = cost.of(config, _PAPER.sizes)
  assert found.runs == 1
  assert found.steps == 10_000
  assert found.train_images == 640_000
  # An evaluation of val every 100 steps, then val and test.
  assert found.evaluated_images == 101 * 25_486 + 25_658
  forward = cost.forward_operations('R50x1', 480)
  assert found.operations == forward * (3 * 640_000 + 101 * 25_486 + 25_658)


def test_an_evaluation_is_added_after_the_last_step():
  config = scales.make_config(grid.Run('Bit-M'), _PAPER)
  config.eval_every = 3000
  found = cost.of(config, _PAPER.sizes)
  assert found.evaluated_images == (4 + 1) * 25_486 + 25_658


def test_total_adds_up():
  costs = [cost.Cost(1, 2, 3, 4, 5.0), cost.Cost(10, 20, 30, 40, 50.0)]
  assert cost.total(costs) == cost.Cost(11, 22, 33, 44, 55.0)
  assert cost.total([]) == cost.Cost(0, 0, 0, 0, 0)


def test_hours_of_training_alone_are_images_by_speed():
  operations = 3 * cost.forward_operations('R50x1', 480) * 640_000
  seconds = cost.seconds(
    operations, images_per_second=200.0, model_name='R50x1', crop=480
  )
  assert seconds == pytest.approx(3200)
