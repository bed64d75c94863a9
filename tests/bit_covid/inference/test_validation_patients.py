# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The patients of val in a file beside a network."""

import json

from etils import epath
import numpy as np
import pytest

from bit_covid.analysis import similar_patients
from bit_covid.base import checksums
from bit_covid.inference import network as network_lib
from bit_covid.inference import validation_patients


@pytest.fixture
def patients():
  return similar_patients.Patients(
    np.array([2, 0, 1]),
    np.array([[0.1, 0.2, 0.7], [1 / 3, 1 / 3, 1 / 3], [0.25, 0.5, 0.25]]),
    np.array([7, 5, 6]),
  )


@pytest.fixture
def written(patients, tmp_path, save_checkpoint):
  """A checkpoint with its patients beside it."""
  path = save_checkpoint(tmp_path)
  digest = checksums.of_file(epath.Path(path))
  validation_patients.write(epath.Path(tmp_path), patients, checkpoint=digest)
  return path


def test_patients_are_found_with_the_network(written, patients):
  network = network_lib.Network.load(written)
  assert network.no_patients == ''
  # By label, not in the order of the split.
  order = [1, 2, 0]
  for found, expected in zip(network.patients, patients, strict=True):
    np.testing.assert_array_equal(found, expected[order])


def test_nothing_but_labels_probabilities_and_slices_is_kept(written):
  content = json.loads(
    (written.parent / 'validation_patients.json').read_text()
  )
  assert content.keys() == {'checkpoint', 'label', 'probabilities', 'slices'}


def test_a_network_without_patients_says_why(tmp_path, save_checkpoint):
  network = network_lib.Network.load(save_checkpoint(tmp_path))
  assert network.patients is None
  assert network.no_patients.startswith('there is no validation_patients.json')
  assert 'bit-covid out-of-distribution RUN' in network.no_patients


def test_the_patients_of_another_network_are_not_taken(
  written, save_checkpoint
):
  network = network_lib.Network.load(
    save_checkpoint(written.parent, temperature=2.0)
  )
  assert network.patients is None
  assert 'was made for another network' in network.no_patients


@pytest.mark.parametrize(
  'changes',
  [
    {'label': [0, 1]},
    {'label': [0, 1, 3]},
    {'label': [0, 1, 1e300]},
    {'label': None},
    {'slices': [1, 1, 0]},
    {'probabilities': [[0.5, 0.5]] * 3},
    {'probabilities': [[0.5, 0.5, float('nan')]] * 3},
    {'probabilities': [[0.5], [0.5, 0.5], []]},
    {'probabilities': [[2.0, 0.5, 0.5]] * 3},
  ],
)
def test_a_damaged_file_is_an_error(written, changes):
  path = written.parent / 'validation_patients.json'
  path.write_text(json.dumps(json.loads(path.read_text()) | changes))
  with pytest.raises(ValueError, match='Remove it; bit-covid out-of'):
    network_lib.Network.load(written)


def test_a_file_that_is_cut_off_is_an_error(written):
  path = written.parent / 'validation_patients.json'
  path.write_bytes(path.read_bytes()[:-10])
  with pytest.raises(ValueError, match=r'cut off or damaged.*Remove it'):
    network_lib.Network.load(written)
