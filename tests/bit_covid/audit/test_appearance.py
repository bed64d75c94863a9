# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Groups of slices that look like one scan."""

import numpy as np

from bit_covid.audit import appearance
from bit_covid.audit import nearest_picture


def _scans(*, scans=6, slices=5, seed=0):
  """Scans in which each slice is like the one before it; shuffled."""
  generator = np.random.default_rng(seed)
  rows = []
  for _ in range(scans):
    image = generator.normal(size=200)
    for _ in range(slices):
      image = image + generator.normal(0, 0.4, size=200)
      rows.append(image - image.mean())
  vectors = np.float32(rows)
  vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
  order = generator.permutation(len(vectors))
  return vectors[order], (np.arange(len(vectors)) // slices)[order]


def _partition(group):
  return {frozenset(np.flatnonzero(group == x)) for x in np.unique(group)}


def test_chains_of_similar_slices_are_groups(monkeypatch):
  monkeypatch.setattr(nearest_picture, '_CHUNK', 7)
  vectors, scan = _scans()
  alone, chained, all_ = appearance.groups(vectors, [2, 0.85, -1])
  assert len(np.unique(alone)) == len(vectors)
  assert _partition(chained) == _partition(scan)
  # The ends of a chain alone would not be connected.
  assert (vectors @ vectors.T)[scan[:, None] == scan].min() < 0.85
  assert (all_ == 0).all()


def test_the_curve_shows_what_is_had_without_a_network():
  vectors, scan = _scans(scans=20)
  # The class is that of the scan and cannot be seen.
  label = np.random.default_rng(2).integers(0, 2, 20)[scan]
  levels = appearance.groups(vectors, [2, 0.85, -1])

  def divide(group):
    if group.max() < 3:
      raise ValueError('too few groups')
    return np.where(group % 3 == 0, 'test', 'train')

  curve = appearance.curve(vectors, label, levels, divide)
  assert curve['groups'].tolist() == [100, 20, 1]
  assert curve['largest'].tolist() == [1, 5, 100]
  assert curve['nearest'][0] > 0.95
  assert curve['nearest'][1] < 0.8
  assert np.isnan(curve['nearest'][2])
