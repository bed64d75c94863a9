# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Labels that are shuffled among patients, and a network that learns them."""

import dataclasses
import types

import cv2
import numpy as np
import pandas as pd
import pytest

from bit_covid.audit.model import random_labels


@pytest.fixture
def make_patients(make_subject, make_examples):
  """Makes a subject whose slices show nothing but who the patient is.

  Leaking means that the patients of the training are those of test.
  """

  def make(*, is_leaking):
    train, test = make_examples(), make_examples(numbers=range(30, 36))
    if not is_leaking:
      names = np.char.add('other ', train.patient_id)
      train = dataclasses.replace(train, patient_id=names)
    generator = np.random.default_rng(0)
    encoded = {}
    for name in np.unique([test.patient_id, train.patient_id]):
      blocks = generator.integers(0, 256, [8, 8], np.uint8)
      picture = np.kron(blocks, np.ones([4, 4], np.uint8))
      encoded[name] = cv2.imencode('.png', picture)[1].tobytes()
    train, test = (
      dataclasses.replace(x, read=lambda i, x=x: encoded[x.patient_id[i]])
      for x in (train, test)
    )
    network = types.SimpleNamespace(
      prepare=lambda image, box: (image[..., np.newaxis], None)
    )
    subject = make_subject(examples=test, train=train)
    return subject._replace(network=network, random_labels=True)

  return make


@pytest.mark.slow
@pytest.mark.usefixtures('small_network')
@pytest.mark.parametrize(
  ('is_leaking', 'severity'), [(True, 'FAILED'), (False, 'PASSED')]
)
def test_patients_in_both_splits_are_found(
  make_patients, monkeypatch, is_leaking, severity
):
  monkeypatch.setattr(random_labels, '_SCHEDULE', (5, 30, 40))
  monkeypatch.setattr(random_labels, '_SIDE', 32)
  found = random_labels.check(make_patients(is_leaking=is_leaking))
  assert found.severity == severity
  assert bool(found.advice) == is_leaking


def test_it_is_done_on_request_only(make_patients):
  subject = make_patients(is_leaking=True)._replace(random_labels=False)
  found = random_labels.check(subject)
  assert found.severity == 'NOT CHECKED'
  assert '--random_labels' in found.text


def test_patients_keep_their_label_in_all_splits(make_examples):
  first = make_examples()
  second = make_examples(patients=10, numbers=range(2))
  found = random_labels.shuffle_labels(first, second, seed=0)
  table = pd.DataFrame(
    {
      'patient': np.concatenate([x.patient_id for x in found]),
      'old': np.concatenate([first.label, second.label]),
      'new': np.concatenate([x.label for x in found]),
    }
  )
  people = table.drop_duplicates()
  assert len(people) == people['patient'].nunique() == 30
  counts = people['new'].value_counts()
  assert counts.to_dict() == {0: 10, 1: 10, 2: 10}
  assert 0.4 < (people['new'] != people['old']).mean() < 0.9
  assert found[0].label.dtype == first.label.dtype
