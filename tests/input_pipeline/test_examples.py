# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.examples."""

import dataclasses
import hashlib

import numpy as np
import pytest

from input_pipeline import examples as examples_lib


def test_length_is_the_number_of_slices(make_examples, noise):
  assert len(make_examples([noise(3, 4)] * 5)) == 5


def test_equal_tables_have_equal_fingerprints(make_examples, noise):
  first = make_examples([noise(3, 4), noise(3, 4, seed=1)])
  second = make_examples([noise(3, 4), noise(3, 4, seed=1)])
  assert first.fingerprint == second.fingerprint
  assert len(first.fingerprint) == 16


@pytest.mark.parametrize(
  ('column', 'place', 'value'),
  [
    ('slice_id', 1, 'other.png'),
    ('patient_id', 1, 'other'),
    ('source', 1, 'away'),
    ('label', 1, 2),
    ('label', 0, -1),
    ('box', (1, 3), 4),
    ('box', (0, 0), 1),
    ('digest', 1, 'other'),
  ],
)
def test_a_change_of_any_value_changes_the_fingerprint(
  make_examples, noise, column, place, value
):
  examples = make_examples([noise(3, 4)] * 2, box=[[0, 0, 4, 3]] * 2)
  changed = getattr(examples, column).copy().astype(object)
  changed[place] = value
  other = dataclasses.replace(examples, **{column: changed})
  assert other.fingerprint != examples.fingerprint


def test_order_and_class_names_change_the_fingerprint(make_examples, noise):
  examples = make_examples([noise(3, 4)] * 2)
  columns = ('slice_id', 'patient_id', 'source', 'label', 'box', 'digest')
  swapped = dataclasses.replace(
    examples, **{name: getattr(examples, name)[::-1] for name in columns}
  )
  renamed = dataclasses.replace(examples, class_names=('CP', 'Normal', 'NCP'))
  prints = {e.fingerprint for e in (examples, swapped, renamed)}
  assert len(prints) == 3


def test_digest_depends_on_every_byte():
  whole = bytes(range(10))
  changed = [whole[:i] + b'\xff' + whole[i + 1 :] for i in range(10)]
  digests = {examples_lib.digest(encoded) for encoded in (whole, *changed)}
  assert len(digests) == 11
  assert examples_lib.digest(b'abc') == hashlib.sha256(b'abc').hexdigest()[:16]


_LABEL = np.array([2, 0, 0, 1, 2, 0, 1, 1, 0, 2, 0, 0] * 5, np.int32)


@pytest.mark.parametrize('per_class', [1, 7, 15])
def test_few_shot_draws_as_many_slices_of_each_class(per_class):
  chosen = examples_lib.few_shot_indices(_LABEL, per_class=per_class, seed=0)
  assert np.bincount(_LABEL[chosen]).tolist() == [per_class] * 3
  assert (np.diff(chosen) > 0).all()


def test_few_shot_is_a_function_of_the_seed():
  def draw(seed):
    return tuple(
      examples_lib.few_shot_indices(_LABEL, per_class=5, seed=seed).tolist()
    )

  assert draw(3) == draw(3)
  assert len({draw(seed) for seed in range(20)}) == 20


def test_few_shot_reaches_every_slice():
  drawn = [
    examples_lib.few_shot_indices(_LABEL, per_class=3, seed=seed)
    for seed in range(200)
  ]
  # Expected: 200 * 3 / 30 = 20 times for class 0, 40 for the others. The bound
  # is five standard deviations.
  counts = np.bincount(np.concatenate(drawn), minlength=len(_LABEL))
  expected = np.where(_LABEL == 0, 20, 40)
  assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_few_shot_with_too_few_slices_names_both_numbers():
  with pytest.raises(
    ValueError, match='per_class=16, but class 1 has 15 slices'
  ):
    examples_lib.few_shot_indices(_LABEL, per_class=16, seed=0)


def test_more_slices_of_one_class_leave_the_draw_of_the_others():
  more = np.concatenate([_LABEL, np.full(40, 0, np.int32)])
  few = examples_lib.few_shot_indices(_LABEL, per_class=5, seed=0)
  of_more = examples_lib.few_shot_indices(more, per_class=5, seed=0)
  for value in (1, 2):
    np.testing.assert_array_equal(
      few[_LABEL[few] == value], of_more[more[of_more] == value]
    )


def test_classes_of_equal_size_are_drawn_independently():
  label = np.repeat([0, 1], 50)
  chosen = examples_lib.few_shot_indices(label, per_class=10, seed=0)
  assert set(chosen[label[chosen] == 0]) != set(chosen[label[chosen] == 1] - 50)
