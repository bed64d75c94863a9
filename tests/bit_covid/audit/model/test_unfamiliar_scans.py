# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Warnings on the judged split and on noise, by a network a test decides."""

import dataclasses
import types

import numpy as np
import pytest

from bit_covid.audit.model import unfamiliar_scans
from bit_covid.inference import detector as detector_lib

DETECTOR = detector_lib.Detector(
  np.zeros((1, 1)),
  np.eye(1),
  slices=detector_lib.Limits(2.0, 10.0, 18.0),
  scans=detector_lib.Limits(2.0, 4.0, 6.0),
  facts={},
)


class _Network:
  """A network for which noise, and the first patients, are far away."""

  class_names = ('Normal', 'CP', 'NCP')
  detector = DETECTOR

  def __init__(self, *, far_patients: int, noise: float):
    self._far = 6 * far_patients
    self._noise = noise

  def prepare(self, gray):
    return gray[:40, :40, np.newaxis], None if len(gray) == 40 else 'noise'

  def outputs(self, prepared, *, with_maps):
    assert not with_maps
    distances = np.full(len(prepared), 1.0)
    if len(prepared) == 50:
      distances[:] = self._noise
    else:
      distances[: self._far] = 5.0
    return types.SimpleNamespace(distances=distances)


@pytest.mark.parametrize(
  ('far_patients', 'noise', 'severity', 'share'),
  [
    (0, 20.0, 'NOTE', '0.0 %'),
    (8, 20.0, 'WARNING', '33.3 %'),
    (0, 9.0, 'WARNING', '0.0 %'),
  ],
)
def test_warnings_are_counted_by_patient(
  make_subject, make_examples, far_patients, noise, severity, share
):
  network = _Network(far_patients=far_patients, noise=noise)
  stored = make_examples(preparation=types.SimpleNamespace(crop=40))
  subject = make_subject(examples=stored)._replace(network=network)
  found = unfamiliar_scans.check(subject)
  assert found.severity == severity
  assert f'{share} (' in found.text
  assert 'of 24 patients of test' in found.text
  patients, of_noise = found.table.to_dict('records')
  assert (patients['Number'], of_noise['Number']) == (24, 50)
  assert patients['Refused'].startswith('0.0 %')
  assert of_noise['Refused'].startswith('100.0' if noise > 18 else '0.0')
  assert bool(found.advice) == (severity == 'WARNING')


def test_slices_are_counted_where_nobody_named_the_patients(
  make_subject, make_examples
):
  stored = make_examples(preparation=types.SimpleNamespace(crop=40))
  unnamed = dataclasses.replace(stored, patient_id=stored.slice_id)
  subject = make_subject(examples=unnamed)
  network = _Network(far_patients=0, noise=20.0)
  found = unfamiliar_scans.check(subject._replace(network=network))
  assert 'of 144 slices of test' in found.text


def test_a_run_without_limits_is_not_checked(make_subject):
  network = types.SimpleNamespace(detector=None, no_detector='it is old')
  found = unfamiliar_scans.check(make_subject()._replace(network=network))
  assert found.severity == 'NOT CHECKED'
  assert 'it is old' in found.text


def test_noise_has_several_grains():
  images = unfamiliar_scans._noise(0)
  assert {x.shape for x in images} == {(512, 512)}
  steps = [np.abs(np.diff(x.astype(float))).mean() for x in images]
  assert max(steps) > 20 * min(steps)
