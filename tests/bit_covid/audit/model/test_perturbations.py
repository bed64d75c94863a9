# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Networks that look at one place of a slice, under each covering."""

import types

import cv2
import numpy as np
import pytest

from bit_covid.audit.model import perturbations

_SIZE = 64
# Gray values that mark the classes. A network takes the nearest one.
_MARKS = np.array([60, 128, 200])
_PLACES = {
  'corner': (slice(5), slice(5)),
  'lungs': (slice(28, 36), slice(16, 24)),
}


@pytest.fixture
def make_marked(make_subject, make_examples, chest, to_gray):
  """Makes a subject whose slices are marked in a place the network looks at."""

  def make(place, *, without_lungs=()):
    blank = make_examples(numbers=range(1))
    encoded = []
    for i, label in enumerate(blank.label):
      image = to_gray(chest(_SIZE, lungs=i not in without_lungs, seed=i))
      image[_PLACES[place]] = _MARKS[label]
      encoded.append(cv2.imencode('.png', image)[1].tobytes())

    def probabilities(prepared):
      seen = prepared[:, *_PLACES[place], 0].mean(axis=(1, 2))
      nearest = np.abs(seen[:, np.newaxis] - _MARKS).argmin(axis=1)
      return np.eye(3)[nearest]

    subject = make_subject(
      examples=make_examples(numbers=range(1), read=lambda i: encoded[i])
    )
    network = types.SimpleNamespace(
      class_names=subject.network.class_names,
      prepare=lambda image, box: (image[..., np.newaxis], None),
      probabilities=probabilities,
    )
    return subject._replace(network=network)

  return make


@pytest.mark.parametrize(
  ('place', 'severity', 'seen_without'),
  [
    ('corner', 'WARNING', ['nothing', 'lungs', 'all but the border']),
    ('lungs', 'NOTE', ['nothing', 'all but the lungs', 'all but the body']),
  ],
)
def test_what_the_network_looks_at_is_found(
  make_marked, place, severity, seen_without
):
  found = perturbations.check(make_marked(place))
  assert found.severity == severity
  assert bool(found.advice) == (severity == 'WARNING')
  accuracy = found.table.set_index('Covered')['Accuracy'].str.split().str[0]
  right = accuracy.index[accuracy == '100.0']
  assert list(right) == seen_without
  # What is covered is the mark of CP.
  wrong = accuracy.drop([*right, 'nothing, but patches shuffled'])
  assert set(wrong) == {'33.3'}


def test_slices_without_lungs_are_left_out_and_counted(make_marked):
  found = perturbations.check(make_marked('corner', without_lungs=(0, 9)))
  assert 'Slices left out, as no lungs were found: 2.' in found.text
  assert set(found.table['Slices']) == {22}


def test_without_any_lungs_nothing_is_checked(make_marked):
  found = perturbations.check(make_marked('corner', without_lungs=range(24)))
  assert found.severity == 'NOT CHECKED'


def test_the_picture_has_a_column_for_each_class(make_marked):
  picture = perturbations.check(make_marked('lungs')).picture
  decoded = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
  # In gray, and taller than wide: six rows of three.
  assert np.ptp(decoded, axis=2).max() == 0
  assert decoded.shape[0] > 1.5 * decoded.shape[1]


def test_patches_change_their_places_only():
  # Each patch has a gray value of its own; the last row and column are rest.
  image = np.full((33, 33), 99, np.uint8)
  image[:32, :32] = np.kron(np.arange(16).reshape(4, 4), np.ones((8, 8)))
  found = perturbations._shuffled(image, seed=0)
  assert np.array_equal(np.bincount(found.ravel()), np.bincount(image.ravel()))
  patches = found[:32:8, :32:8]
  assert np.array_equal(np.kron(patches, np.ones((8, 8))), found[:32, :32])
  assert (patches != np.arange(16).reshape(4, 4)).mean() > 0.5
