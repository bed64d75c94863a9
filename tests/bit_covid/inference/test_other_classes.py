# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A split in the classes that it shares with a network."""

import dataclasses

import numpy as np
import pytest

from bit_covid.analysis import class_mapping
from bit_covid.inference import other_classes
from input_pipeline import examples as examples_lib

_DATA = ('CP', 'NCP', 'Normal')


@pytest.fixture
def examples():
  names = np.array(list('abcd'))
  return examples_lib.Examples(
    class_names=_DATA,
    slice_id=names,
    patient_id=names,
    source=names,
    label=np.array([0, 1, -1, 2], np.int32),
    box=np.zeros([4, 4], np.int32),
    digest=names,
    read=lambda i: names[i].encode(),
  )


def test_labels_are_those_of_the_common_classes(examples):
  mapping = class_mapping.make(('non-COVID', 'COVID'), _DATA, {})
  found = other_classes.restated(examples, mapping)
  assert found.class_names == ('non-COVID', 'COVID')
  # An unknown label stays unknown.
  assert found.label.tolist() == [0, 1, -1, 0]
  assert found.label.dtype == np.int32


def test_slices_of_a_class_are_left_out(examples):
  mapping = class_mapping.make(('Normal', 'NCP'), _DATA, {'CP': set()})
  found = other_classes.restated(examples, mapping)
  assert found.slice_id.tolist() == ['b', 'c', 'd']
  assert found.label.tolist() == [1, -1, 0]
  assert found.read(0) == b'b'


def test_a_split_of_which_nothing_is_left_is_refused(examples):
  mapping = class_mapping.make(('Normal', 'NCP'), _DATA, {'CP': set()})
  only = dataclasses.replace(examples.take([0, 0]))
  with pytest.raises(ValueError, match='All 2 slices are left out by --map'):
    other_classes.restated(only, mapping)


def test_equal_classes_leave_the_fingerprint(examples):
  mapping = class_mapping.make(_DATA, _DATA, {})
  found = other_classes.restated(examples, mapping)
  assert found.fingerprint == examples.fingerprint
