# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The sentence of each section against numbers made by hand."""

import pytest

from bit_covid.report import answers


def _found(value, low=None, high=None):
  return {'value': value, 'low': low, 'high': high}


@pytest.fixture
def numbers():
  accuracy = {'accuracy': _found(0.9, 0.8, 0.95)}
  return {
    'confusion_matrix': [[45, 5], [5, 45]],
    'slice': {
      'slices': 100,
      'patients_known': True,
      'measures': accuracy
      | {
        'sensitivity': {
          'Normal': _found(0.98, 0.9, 1.0),
          'NCP': _found(0.82, 0.7, 0.9),
          'CP': _found(None),
        }
      },
    },
    'patient': {'mean': {'patients': 20, 'measures': accuracy}},
    'prevalence': {
      'Normal': [
        {'prevalence': 0.2, 'ppv': 0.9, 'ppv_low': 0.8, 'ppv_high': 1.0},
        {'prevalence': 0.001, 'ppv': 0.2, 'ppv_low': 0.1, 'ppv_high': 0.5},
      ],
      'NCP': [{'prevalence': 0.001, 'ppv': None}],
    },
    'calibration': {'before': {'ece': _found(0.0312)}},
    'operating_points': {
      'chosen_on': 'val',
      'points': [
        {
          'class': 'NCP',
          'wanted_sensitivity': wanted,
          'sensitivity': _found(wanted - 0.1, wanted - 0.2, wanted),
          'specificity': _found(0.8, 0.7, 0.85),
        }
        for wanted in (0.9, 0.95, 0.99)
      ],
    },
    'subgroups': [
      {
        'by': 'source',
        'name': name,
        'is_small': is_small,
        'measures': {'accuracy': _found(value, value - 0.1, value + 0.05)},
      }
      for name, value, is_small in (
        ('A', 0.9, False),
        ('B', 0.7, False),
        ('C', 0.5, True),
      )
    ],
    'maps': {
      'energy': {'all': {'inside': _found(0.5, 0.4, 0.6), 'area': 0.55}}
    },
  }


@pytest.mark.parametrize(
  ('section', 'expected'),
  [
    (
      'results',
      'Of 100 slices, 90.00 % (95 % interval 80.00 to 95.00) are predicted '
      'rightly. NCP is missed most: 82.00 % (95 % interval 70.00 to 90.00) of '
      'its slices are found.',
    ),
    (
      'patients',
      'Of 20 patients, 90.00 % (95 % interval 80.00 to 95.00) are predicted '
      'rightly by the mean of their slices.',
    ),
    (
      'prevalence',
      'Where 0.1 % of the slices are Normal, 20.00 % (95 % interval 10.00 to '
      '50.00) of the slices that are called Normal are Normal.',
    ),
    (
      'calibration',
      'As predicted, confidence and share of right predictions differ by 3.12 '
      'percentage points on average.',
    ),
    (
      'thresholds',
      'With the threshold that finds 95 % of NCP on val, 85.00 % (95 % '
      'interval 75.00 to 95.00) of it are found here, and 80.00 % (95 % '
      'interval 70.00 to 85.00) of the other slices are not called NCP.',
    ),
    (
      'subgroups',
      'Of the groups that are not small, source B has the lowest accuracy, '
      '70.00 % (95 % interval 60.00 to 75.00).',
    ),
    ('errors', '10 of 100 slices are predicted wrongly.'),
    (
      'maps',
      '50.00 % (95 % interval 40.00 to 60.00) of a map of the whole slice lies '
      'in the box, which covers 55.00 %: no better than chance.',
    ),
    ('published', ''),
  ],
)
def test_sentences(numbers, section, expected):
  assert answers.of_numbers(section, numbers) == expected


def test_nothing_is_missed(numbers):
  measures = numbers['slice']['measures']
  measures['sensitivity'] = {'NCP': _found(1.0, 0.9, 1.0)}
  text = answers.of_numbers('results', numbers)
  assert text.endswith('No slice of any class is missed.')
  numbers['confusion_matrix'] = [[50, 0], [0, 50]]
  assert answers.of_numbers('errors', numbers) == ''


@pytest.mark.parametrize(
  ('area', 'expected'), [(0.39, 'more than by'), (0.61, 'less than by')]
)
def test_maps_that_differ_from_chance(numbers, area, expected):
  numbers['maps']['energy']['all']['area'] = area
  assert f': {expected} chance.' in answers.of_numbers('maps', numbers)


def test_what_is_missing_has_no_answer(numbers):
  numbers['patient'] = {'missing': 'No patients.'}
  numbers['prevalence'] = {'NCP': [{'prevalence': 0.1, 'ppv': None}]}
  numbers['calibration']['before']['ece'] = _found(None)
  numbers['operating_points'] = {'chosen_on': 'val', 'points': []}
  numbers['maps'] = {'energy': {'missing': 'no box'}}
  sections = ('patients', 'prevalence', 'calibration', 'thresholds', 'maps')
  for section in sections:
    assert answers.of_numbers(section, numbers) == ''
  del numbers['maps']
  assert answers.of_numbers('maps', numbers) == ''
  numbers['subgroups'] = numbers['subgroups'][1:]
  text = answers.of_numbers('subgroups', numbers)
  assert text.startswith('There are no two groups')


def test_training():
  rows = [
    {'step': 50, 'train_loss': 0.9},
    {'step': 100, 'val_loss': 0.5},
    {'step': 100, 'train_loss': 0.0321},
  ]
  assert answers.training(rows) == (
    'The training loss went from 0.9 at step 50 to 0.0321 at step 100.'
  )
  assert answers.training(rows[:2]) == ''
