# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One verdict for each scan, with its reasons."""

import types

import numpy as np
import pytest

from bit_covid.inference import detector as detector_lib
from bit_covid.scoring import verdict as verdict_lib
from input_pipeline.scans import input_check

DETECTOR = detector_lib.Detector(
  np.zeros((1, 1)),
  np.eye(1),
  slices=detector_lib.Limits(2.0, 10.0, 18.0),
  scans=detector_lib.Limits(2.0, 4.0, 6.0),
  facts={},
)


def _judge(distances, findings=(), *, detector=DETECTOR, allowed=False):
  network = types.SimpleNamespace(detector=detector, no_detector='it is old')
  return verdict_lib.judge(
    network,
    distances,
    [None] * len(distances) + list(findings),
    allow_unfamiliar=allowed,
  )


@pytest.mark.parametrize(
  ('distance', 'outcome'),
  [(4.0, 'accept'), (4.1, 'caution'), (6.1, 'refused')],
)
def test_the_median_distance_decides(distance, outcome):
  found = _judge([0.0, 0.0, distance, 99.0, 99.0])
  assert (found.outcome, found.distance) == (outcome, distance)
  assert found.reasons[0] == (
    f'Distance from the training slices: {distance} (usual 2.0, caution above '
    '4.0, refused above 6.0).'
  )
  assert found.is_withheld == (outcome == 'refused')


def test_few_slices_have_the_limits_of_slices():
  assert _judge([9.0] * 4).outcome == 'accept'
  assert _judge([9.0] * 5).outcome == 'refused'


def test_probabilities_of_a_refused_scan_are_given_if_asked_for():
  asked = _judge([9.0] * 5, allowed=True)
  assert (asked.outcome, asked.is_withheld) == ('refused', False)
  assert 'only because of --allow_unfamiliar' in asked.reasons[1]
  assert '--allow_unfamiliar gives them' in _judge([9.0] * 5).reasons[1]


def test_slices_that_are_no_chest_slices_call_for_caution():
  lungs = [input_check.NO_LUNGS] * 3
  assert _judge([1.0] * 5, lungs).outcome == 'accept'
  found = _judge([1.0] * 5, [*lungs, 'a colour image'])
  assert found.outcome == 'caution'
  assert found.reasons[1].startswith('1 of 9 slices cannot be read')
  found = _judge([9.0] * 5, ['a colour image'])
  assert (found.outcome, len(found.reasons)) == ('refused', 3)


def test_without_a_detector_the_verdict_is_not_checked():
  found = _judge([None] * 5, detector=None)
  assert (found.outcome, found.distance) == ('not checked', None)
  assert found.reasons == ('Distance from the training slices: it is old.',)
  assert _judge([None], ['blank'], detector=None).outcome == 'caution'


def test_a_scan_without_a_slice_that_counts_is_refused():
  found = _judge([], ['blank'])
  assert (found.outcome, found.is_withheld) == ('refused', False)
  assert found.reasons == ('No slice passes the input check.',)


def test_the_meaning_begins_with_the_outcome():
  headlines = ['Accepted', 'Caution', 'Refused', 'Not checked']
  found = [verdict_lib.Verdict(x, ()).headline for x in verdict_lib.MEANINGS]
  assert found == headlines
