# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Features that hold the source, the class, both or neither."""

import cv2
import numpy as np
import pytest

from bit_covid.audit.model import site_fingerprint

_PATIENTS, _SLICES = 24, 2


@pytest.fixture(autouse=True)
def few_shuffles(monkeypatch):
  monkeypatch.setattr(site_fingerprint, '_SHUFFLES', 19)


@pytest.fixture
def make_features(make_subject, make_examples):
  """Makes a subject with features of 30 numbers.

  `source` gives the source of a patient by class and number, `held` the
  numbers that its features hold.
  """

  def make(*, source, held=lambda label, own: [0], side=lambda own: 40):
    blank = make_examples(patients=_PATIENTS, numbers=range(_SLICES))
    number = np.arange(len(blank)) // _SLICES % _PATIENTS
    own = [source(*x) for x in zip(blank.label, number, strict=True)]
    images = [np.full((side(x), 40), 9, np.uint8) for x in own]
    examples = make_examples(
      patients=_PATIENTS,
      numbers=range(_SLICES),
      source=np.array(own),
      read=lambda i: cv2.imencode('.png', images[i])[1].tobytes(),
    )
    subject = make_subject(examples=examples)
    generator = np.random.default_rng(0)
    people = generator.normal(size=(3 * _PATIENTS, 30))
    features = np.repeat(people, _SLICES, axis=0)
    features += generator.normal(size=features.shape)
    for i, (label, x) in enumerate(zip(blank.label, own, strict=True)):
      # Ten features hold each number.
      values = np.repeat(np.array(held(label, x), np.float64), 10)
      features[i, : len(values)] += 4 * values
    path = subject.workdir / 'predictions' / 'test_features.npz'
    path.parent.mkdir()
    np.savez(path, slice_id=examples.slice_id, features=features)
    return subject

  return make


def _half(label, number):
  return 'AB'[number % 2]


def _with_class(label, number):
  """Of Normal few come from B, of NCP most."""
  return 'B' if number < (4, 12, 20)[label] else 'A'


def test_a_source_in_the_features_is_a_warning(make_features):
  subject = make_features(
    source=_half, held=lambda label, own: [own == 'A', label]
  )
  found = site_fingerprint.check(subject)
  assert found.severity == 'WARNING'
  assert 'tell the source among' in found.text
  table = found.table.set_index('Among')
  assert list(table.index) == ['all classes', 'Normal', 'CP', 'NCP']
  assert (table['ROC AUC'].astype(float) > 0.9).all()


@pytest.mark.parametrize('source', [_half, _with_class])
def test_the_class_in_the_features_is_no_source(make_features, source):
  subject = make_features(source=source, held=lambda label, own: [label])
  found = site_fingerprint.check(subject)
  assert found.severity == 'NOTE'
  # Of classes that go with the source, shuffled sources are told as well.
  shuffled = float(found.table['Shuffled'][0])
  assert (shuffled > 0.55) == (source is _with_class)


def test_sizes_of_files_are_told_as_well(make_features):
  subject = make_features(
    source=lambda label, number: 'A' if number % 2 else 'A ',
    held=lambda label, own: [own == 'A'],
    side=lambda own: 40 + 8 * (own == 'A'),
  )
  table = site_fingerprint.check(subject).table
  assert 'size and kind of the file' in set(table['What is told'])


@pytest.mark.parametrize(
  'source',
  [
    lambda label, number: 'A',
    lambda label, number: 'ABC'[label],
    # Nine patients of a class are too few.
    lambda label, number: 'A' if number < 9 and label == 0 else 'B',
  ],
  ids=['one', 'one a class', 'few'],
)
def test_sources_that_cannot_be_told_are_not_checked(make_features, source):
  found = site_fingerprint.check(make_features(source=source))
  assert found.severity == 'NOT CHECKED'
  assert 'two sources' in found.text


def test_without_features_nothing_is_checked(make_subject):
  found = site_fingerprint.check(make_subject())
  assert found.severity == 'NOT CHECKED'
  assert 'evaluate' in found.text


def test_kinds_of_files(make_examples):
  images = [np.zeros((8, 6), np.uint8), np.zeros((8, 6), np.uint16)]
  encoded = [cv2.imencode('.png', x)[1].tobytes() for x in images]
  encoded.append(cv2.imencode('.jpg', images[0])[1].tobytes())
  examples = make_examples(read=lambda i: encoded[i])
  assert site_fingerprint._files(examples, np.arange(3)) == [
    '6 x 8, 8-bit PNG',
    '6 x 8, 16-bit PNG',
    '6 x 8',
  ]
