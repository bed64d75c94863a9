# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exponents of known powers, and measurements at the least sizes."""

import types

import pytest

from benchmarks import growth
from benchmarks import growth_data
from benchmarks import growth_training
from bit_covid.models import resnet_v2

SIZES = (10, 100, 1000)


@pytest.mark.parametrize('power', [0, 0.5, 1, 2])
def test_exponent_is_that_of_the_power(power):
  values = [3 * size**power for size in SIZES]
  assert growth.exponent(SIZES, values) == pytest.approx(power, abs=1e-12)


def test_exponent_is_undefined_without_two_positive_values():
  assert growth.exponent([10], [1]) is None
  assert growth.exponent(SIZES, [0, 1, 2]) is None


def test_table_ends_with_the_exponents():
  rows = {side: {'ms': side**2, 'MB': 5 + side**4} for side in (1, 10, 100)}
  lines = growth.table('side', rows).splitlines()
  assert lines[0] == '| side | ms | MB |'
  # Of the number of pixels. The constant no longer matters at the end.
  cells = [line.strip('| ').split(' | ') for line in lines[-2:]]
  assert [x[0] for x in cells] == ['exponent', 'at the end']
  assert float(cells[0][1]) == 1
  assert 1 < float(cells[0][2]) < 2
  assert float(cells[1][2]) == 2


def test_slices_are_saved_and_loaded():
  small, large = (growth_data.measure(n, steps=4) for n in (100, 1000))
  assert all(large[name] > 0 for name in ('start s', 'step ms', 'save s'))
  # Names are compressed, and some facts do not depend on the slices.
  assert 2 < large['saved MB'] / small['saved MB'] < 10


def test_training_is_counted_and_saved(monkeypatch):
  size = resnet_v2.Size((1,), width=8, num_groups=4)
  models = types.MappingProxyType({'tiny': size})
  monkeypatch.setattr(resnet_v2, 'MODELS', models)
  found = growth_training.measure(classes=20_000, devices=2, side=32, steps=2)
  # Most parameters are the head's; each has a momentum.
  head = 2 * 20_000 * (32 + 1) * 4 / 1e6
  assert 0.85 * head < found['saved MB'] < 1.1 * head
  # This process may have had more memory before.
  assert min(v for name, v in found.items() if name != 'peak MB') > 0
