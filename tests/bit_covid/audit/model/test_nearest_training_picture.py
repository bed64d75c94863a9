# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The most similar training slice, where slices of a patient are alike."""

import cv2
import numpy as np
import pytest

from bit_covid.audit.model import nearest_training_picture


@pytest.fixture
def make_alike(make_examples):
  """Makes slices that are alike within a patient; patients go with the seed."""

  def make(numbers, *, seed):
    examples = make_examples(numbers=numbers)
    names, patient = np.unique(examples.patient_id, return_inverse=True)
    generator = np.random.default_rng(seed)
    own = generator.integers(40, 216, (len(names), 48, 48))
    noise = np.random.default_rng([seed, *numbers])
    images = own[patient] + noise.integers(-20, 21, (len(patient), 48, 48))
    # Brightness and contrast do not count.
    images = images * 0.5 + noise.integers(0, 60, (len(patient), 1, 1))
    images = images.astype(np.uint8)
    return images, make_examples(
      numbers=numbers,
      read=lambda i: cv2.imencode('.png', images[i])[1].tobytes(),
    )

  return make


def test_slices_of_the_same_patients_are_a_warning(make_subject, make_alike):
  _, train = make_alike(range(3), seed=0)
  _, test = make_alike(range(3, 5), seed=0)
  subject = make_subject(examples=test, train=train)
  found = nearest_training_picture.check(subject)
  assert found.severity == 'WARNING'
  assert found.advice
  assert found.table['Accuracy'][0].startswith('100.0 % (')
  assert found.picture.startswith(b'\x89PNG')


def test_other_patients_are_told_by_the_network_alone(make_subject, make_alike):
  images, train = make_alike(range(3), seed=1)
  others, test = make_alike(range(3, 5), seed=0)
  found = nearest_training_picture.check(
    make_subject(examples=test, train=train)
  )
  assert found.severity == 'NOTE'
  assert not found.advice
  # The correlation as NumPy computes it.
  both = np.concatenate([others, images]).reshape(-1, 48 * 48)
  nearest = np.corrcoef(both)[: len(others), len(others) :].argmax(axis=1)
  expected = (train.label[nearest] == test.label).mean()
  assert found.table['Accuracy'][0].startswith(f'{100 * expected:.1f} % (')
  assert f'of {len(train)} training slices' in found.text
