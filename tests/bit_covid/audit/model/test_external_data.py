# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Results on external data beside those of the run."""

import cv2
import numpy as np
import pytest

from bit_covid.analysis import class_mapping
from bit_covid.analysis import intervals
from bit_covid.analysis import predictions
from bit_covid.audit.model import external_data
from bit_covid.audit.model import external_set

_TWO = ('COVID', 'non-COVID')


class _Set(external_set.ExternalSet):
  """A data set on which a network is right for some slices."""

  hit: np.ndarray

  def predictions(self, network):
    del network
    count = len(self.mapping.names)
    label = self.examples.label
    predicted = np.where(self.hit, label, (label + 1) % count)
    noise = np.random.default_rng(0).uniform(0, 0.1, len(label))
    sure = (0.85 + noise)[:, np.newaxis]
    others = (1 - sure) / (count - 1)
    return predictions.make_table(
      slice_id=self.examples.slice_id,
      patient_id=self.examples.patient_id,
      source=self.examples.source,
      label=label,
      probabilities=np.where(np.eye(count)[predicted] == 1, sure, others),
      class_names=self.mapping.names,
    )


@pytest.fixture
def make(make_subject, make_examples):
  """Makes a subject with external data of two classes."""

  def make(*, hit, own_hit=None, digest='elsewhere', data=_TWO, **columns):
    def encoded(i):
      image = np.random.default_rng(i).integers(0, 256, [40, 40], np.uint8)
      return cv2.imencode('.png', image)[1].tobytes()

    own = make_examples(read=encoded)
    subject = make_subject(examples=own, hit=own_hit)
    subject.network.prepare = lambda image, box: (image[..., np.newaxis], box)
    mapping = class_mapping.make(own.class_names, data, {})
    fields = {
      'read': encoded,
      'class_names': mapping.names,
      'digest': np.full(144, digest),
      'label': np.arange(144, dtype=np.int32) // 3 % len(mapping.names),
    }
    examples = make_examples(patients=16, numbers=range(3), **fields | columns)
    external = _Set(examples, len(examples), mapping, None)
    external.hit = np.resize(hit, 144)
    return subject._replace(external={'other': external})

  return make


def test_worse_results_are_a_warning_beside_the_same_classes(make):
  hit = np.arange(144) % 10 < 7
  subject = make(hit=hit)
  found = external_data.check(subject)
  assert found.severity == 'WARNING'
  assert found.text.endswith('lower in Balanced accuracy.')
  assert 'non-COVID is Normal or CP, COVID is NCP' in found.text
  assert found.advice
  assert found.picture.startswith(b'\x89PNG')
  own, other = found.table.to_dict('records')
  assert own['Data'] == 'test of the run, as Normal or CP and NCP'
  assert own['Accuracy'].startswith('100.0 % (')
  assert other['Data'] == 'other'
  assert (other['Slices'], other['Patients']) == (144, 48)
  assert other['Class'] == 'NCP'
  label = np.arange(144) // 3 % 2
  assert other['Accuracy'].startswith(f'{100 * hit.mean():.1f} % (')
  # NCP is the class 1.
  assert other['Sensitivity'].startswith(f'{100 * hit[label == 1].mean():.1f}')
  assert other['Specificity'].startswith(f'{100 * hit[label == 0].mean():.1f}')
  table = subject.external['other'].predictions(None)
  area = intervals.intervals(table)['roc_auc']
  low, high = (100 * float(x[1]) for x in area[1:])
  assert f'({low:.1f} to {high:.1f})' in other['ROC AUC']


def test_chance_is_named_even_if_the_run_is_no_better(make):
  half = np.arange(144) % 2 == 0
  found = external_data.check(make(hit=half, own_hit=half))
  assert found.severity == 'WARNING'
  assert 'nothing shows that it is better than chance' in found.text


def test_equal_results_are_a_note(make):
  found = external_data.check(make(hit=True))
  assert found.severity == 'NOTE'
  assert 'not shown to be lower' in found.text
  assert not found.advice
  assert 'not known' not in found.text


def test_slices_of_the_training_fail(make):
  # A digest of `make_examples`.
  found = external_data.check(make(hit=True, digest='5'))
  assert found.severity == 'FAILED'
  assert 'in the training, too: 144' in found.text


def test_unknown_patients_are_said(make):
  names = np.array([str(i) for i in range(144)])
  found = external_data.check(make(hit=True, slice_id=names, patient_id=names))
  assert found.table['Patients'].tolist() == [48 // 2, 'not known']
  assert 'intervals are over slices and too narrow' in found.text


def test_classes_that_other_data_lack_count_on_neither_side(make):
  # All errors of the run are on Normal slices, as predicting CP.
  own_hit = np.repeat([False, True, True], 48)
  found = external_data.check(
    make(
      hit=True,
      own_hit=own_hit,
      data=('NCP', 'CP'),
      label=1 + np.arange(144, dtype=np.int32) // 3 % 2,
    )
  )
  own, other = found.table.to_dict('records')
  assert own['Data'] == 'test of the run, as CP and NCP'
  assert own['Slices'] == 96
  assert own['Balanced accuracy'].startswith('100.0 % (')
  assert other['Slices'] == 144


def test_no_external_data_are_not_checked(make_subject):
  found = external_data.check(make_subject())
  assert found.severity == 'NOT CHECKED'
  assert '--external' in found.text
