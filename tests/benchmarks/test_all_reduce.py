# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Times of a sum over chips against the bandwidths that Google publishes."""

import pytest

from benchmarks import all_reduce


def _cost(kind, axes, gradient=1.0):
  network = all_reduce.NETWORKS[kind]
  return all_reduce.cost(network, axes, gradient=gradient, step_ms=10)


@pytest.mark.parametrize(
  ('kind', 'axes', 'both_directions'),
  # GB/s of a chip, of all links in both directions (Cloud TPU, v5e and v5p).
  [('v5e', (16, 16), 400), ('v5p', (4, 4, 4), 1200), ('v5p', (4, 8, 8), 1200)],
)
def test_a_whole_torus_uses_all_links(kind, axes, both_directions):
  found = _cost(kind, axes)
  link = all_reduce.NETWORKS[kind].link
  assert 2 * found['links'] * link == both_directions
  # Google: all-reduce bandwidth of a v5e pod, 51.2 TB/s.
  if kind == 'v5e':
    assert found['chips'] * found['links'] * link == 51_200
  sent = 2 * (found['chips'] - 1) / found['chips']
  assert found['GB sent'] == pytest.approx(sent)
  assert found['ms'] == pytest.approx(1000 * sent / (both_directions / 2))
  assert found['of the step'] == pytest.approx(found['ms'] / 10)


@pytest.mark.parametrize(
  ('kind', 'axes', 'links'),
  [
    ('v5e', (2, 4), 2),
    ('v5e', (8, 16), 3),  # Only the axis of the whole pod is a ring.
    ('v4', (2, 2, 2), 3),
    ('v4', (2, 4, 4), 3),  # Rings need cubes of 4 x 4 x 4.
    ('v4', (4, 4, 8), 6),
    ('v4', (1, 2, 2), 2),
  ],
)
def test_the_end_of_a_line_has_one_neighbour(kind, axes, links):
  assert _cost(kind, axes)['links'] == links


def test_each_kind_has_slices_of_8_to_256_chips():
  for kind, network in all_reduce.NETWORKS.items():
    chips = [_cost(kind, axes)['chips'] for axes in network.slices]
    assert chips == [8, 16, 32, 64, 128, 256]
