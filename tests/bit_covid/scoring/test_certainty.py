# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is said of the number of a scan."""

import types

import numpy as np
import pytest

from bit_covid.analysis import similar_patients
from bit_covid.scoring import certainty

SCAN = np.array([0.05, 0.05, 0.9])


def _network(count, *, right=None, slices=9):
  label = np.where(np.arange(count) < (count if right is None else right), 2, 1)
  patients = similar_patients.Patients(
    label, np.tile([0.06, 0.06, 0.88], (count, 1)), np.full(count, slices)
  )
  return types.SimpleNamespace(
    class_names=('Normal', 'CP', 'NCP'), patients=patients, no_patients=''
  )


def _judge(network, *, num_slices=9, is_refused=False):
  return certainty.judge(
    network, SCAN, num_slices=num_slices, is_refused=is_refused
  )


def test_similar_patients_are_said_with_their_interval():
  found = _judge(_network(40, right=36))
  assert found.text == (
    'Of the 40 validation patients who were predicted as NCP with the '
    'probabilities nearest to this one (88.0 to 88.0 %), 36 were NCP: 90 % '
    '(95 % interval 77 to 97 %).'
  )
  assert found.full == f'{found.text} {certainty.LIMITS}'
  assert found.short == '36 of 40 (77 to 97 %)'


def test_few_similar_patients_are_too_few():
  assert _judge(_network(10)).similar.count == 10
  found = _judge(_network(9))
  assert found.similar is None
  assert 'within 10 points of this one: 9 of 9.' in found.text
  assert 'too few to tell' in found.text
  assert found.full == found.text
  assert found.short == 'not known'


def _without_patients():
  network = _network(40)
  network.patients, network.no_patients = None, 'there is no file'
  return network


@pytest.mark.parametrize(
  ('network', 'scan', 'text'),
  [
    (_without_patients(), {}, 'not known: there is no file.'),
    (_network(40), {'is_refused': True}, 'too unlike those of the training'),
    (_network(40, slices=1), {}, 'one slice of most patients'),
    (_network(40), {'num_slices': 4}, 'count are 4, and validation patients'),
  ],
)
def test_what_cannot_be_compared_is_not_known(network, scan, text):
  found = _judge(network, **scan)
  assert found.text.startswith('How often such a result is right is not known:')
  assert text in found.text
  assert found.similar is None


def test_scans_may_have_as_few_slices_as_validation_patients():
  assert _judge(_network(40, slices=3), num_slices=3).similar is not None
  assert _judge(_network(40, slices=3), num_slices=2).similar is None
