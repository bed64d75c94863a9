# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Normal slices above and below the lesions, and what is left without them."""

import dataclasses

import numpy as np

from bit_covid.audit.model import matched_position


def _with_whole_normal_scans(make_examples):
  """Returns slices 20 to 25 of each patient, and 0 to 11 of Normal ones."""
  chosen, whole = make_examples(), make_examples(numbers=range(12))
  normal = np.flatnonzero(whole.label == 0)
  columns = ('slice_id', 'patient_id', 'source', 'label', 'box', 'digest')
  joined = {
    name: np.concatenate([getattr(chosen, name), getattr(whole, name)[normal]])
    for name in columns
  }
  return dataclasses.replace(chosen, **joined), len(chosen)


def test_what_is_outside_the_range_of_lesions_is_dropped(
  make_subject, make_examples
):
  examples, count = _with_whole_normal_scans(make_examples)
  # Right on all easy slices, and on half of the others.
  hit = np.ones(len(examples), bool)
  hit[:count] = np.arange(count) % 2 == 0
  found = matched_position.check(make_subject(examples=examples, hit=hit))
  assert found.severity == 'WARNING'
  assert found.advice
  assert found.table['Slices'].tolist() == [len(examples), count]
  assert found.table['Accuracy'][1].startswith('50.0 % (')
  assert '96 lie outside the numbers 20 to 25' in found.text


def test_equal_results_are_a_note(make_subject, make_examples):
  examples, _ = _with_whole_normal_scans(make_examples)
  found = matched_position.check(make_subject(examples=examples))
  assert found.severity == 'NOTE'
  assert not found.advice


def test_names_without_numbers_are_not_checked(make_subject, make_examples):
  names = np.array([f'{chr(97 + i % 26)}{"x" * i}' for i in range(144)])
  examples = make_examples(slice_id=names)
  found = matched_position.check(make_subject(examples=examples))
  assert found.severity == 'NOT CHECKED'
