# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The index against a comparison of all hashes with each other."""

import numpy as np
import pytest

from bit_covid.audit import hashes


def test_the_index_finds_what_agrees_in_a_band():
  generator = np.random.default_rng(0)
  indexed = generator.integers(0, 1 << 16, [300, 20], np.uint16)
  queries = indexed[:50].copy()
  queries[:25, 5:] ^= np.uint16(1 << 3)  # 15 bits in 15 bands.
  queries[25:] ^= np.uint16(1)  # A bit in each band.
  found = [
    np.stack(part, axis=1) for part in hashes.Index(indexed).near(queries)
  ]
  assert len(found) == 20
  pairs = {tuple(row) for row in np.concatenate(found).tolist()}
  # By comparing all: bits that differ, and bands that agree.
  different = queries[:, np.newaxis] ^ indexed
  distance = np.bitwise_count(different).sum(axis=2, dtype=int)
  expected = np.argwhere((distance <= 80) & (different == 0).any(axis=2))
  assert {pair[:2] for pair in pairs} == set(map(tuple, expected.tolist()))
  assert {pair[2] for pair in pairs} == {15}


def test_keys_at_both_ends_are_indexed():
  indexed = np.repeat(np.uint16([[0], [65535]]), 20, axis=1)
  found = [part[1].tolist() for part in hashes.Index(indexed).near(indexed)]
  assert found == [[0, 1]] * 20


def test_bits_of_different_pictures_are_independent():
  generator = np.random.default_rng(0)
  # All alike at first sight: a common shape, and a tenth of its contrast.
  pictures = 100 + 50 * np.eye(12) + generator.normal(0, 5, [400, 12, 12])
  pictures = pictures.astype(np.uint8)
  code = hashes.fit(pictures)
  bits = np.unpackbits(code.bits(pictures).view(np.uint8), axis=1)
  assert bits.shape == (400, 320)
  differing = (bits[:200] != bits[200:]).sum(axis=1)
  assert differing.mean() == pytest.approx(160, abs=4)
  assert differing.min() > 80


def test_views_are_all_orientations_of_all_cut_outs():
  thumbnail = np.random.default_rng(0).integers(0, 256, [64, 64], np.uint8)
  views = hashes.views(thumbnail)
  assert views.shape == (hashes.NUM_VIEWS, 12, 12)
  assert len(np.unique(views, axis=0)) == len(views)
  # The first is the whole thumbnail as it lies.
  np.testing.assert_array_equal(views[0], hashes.whole(thumbnail))
  np.testing.assert_array_equal(hashes.turned_as(thumbnail, 1), thumbnail)
  turned = hashes.turned_as(thumbnail, hashes.NUM_VIEWS // 8)
  np.testing.assert_array_equal(turned, np.rot90(thumbnail))
