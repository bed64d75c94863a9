# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Each fault is found by the check that it belongs to, and nothing in others.

The faults are in copies of drawn slices that are clean: see `faulty_copies`.
"""

import functools
import json

import numpy as np
import pytest

from bit_covid.audit import command
from tests.bit_covid.audit import faulty_copies

_LOOK_ALIKES = {'Images that look the same': 'WARNING'}
# Each fault and what the checks say of it beyond a note.
_FAULTS = {
  'a patient in two splits': (
    faulty_copies.patients_in_two_splits,
    {'Patients in several splits': 'FAILED'},
  ),
  'equal files': (faulty_copies.with_copies, {'Equal images': 'FAILED'}),
  'a source for each class': (
    faulty_copies.sources_by_class,
    {'Class and source': 'WARNING'},
  ),
  'tighter boxes of a class': (
    faulty_copies.tighter_boxes,
    {'Shortcuts past the lungs': 'WARNING'},
  ),
  # The number of a slice tells the class as well.
  'slices picked by index': (
    faulty_copies.slices_by_index,
    {
      'Scans from the first slice on': 'WARNING',
      'Shortcuts past the lungs': 'WARNING',
    },
  ),
}
# Each change of a copy, and how many of the 12 docs/audit.md promises to find.
_COPIES = {
  'JPEG': ({'suffix': '.jpg'}, 11),
  'brighter': ({'change': faulty_copies.brighter}, 10),
  'mirrored': ({'change': lambda image: image[:, ::-1]}, 12),
  'cropped': ({'change': faulty_copies.cropped}, 6),
}


@pytest.fixture(scope='module')
def clean():
  return faulty_copies.clean(seed=0)


@pytest.fixture
def audit(tmp_path):
  """Returns the findings of `bit-covid audit` on a data set, by check."""

  def run(data):
    output = tmp_path / 'audit'
    code = command.main([str(data.write(tmp_path)), f'--output={output}'])
    content = json.loads((output / 'audit.json').read_text())
    findings = {x['check']: x for x in content['findings']}
    severities = {x['severity'] for x in findings.values()}
    assert code == int('FAILED' in severities)
    assert 'NOT CHECKED' not in severities
    return findings

  return run


def _raised(findings):
  return {
    name: each['severity']
    for name, each in findings.items()
    if each['severity'] not in ('NOTE', 'PASSED')
  }


@pytest.mark.parametrize('fault', _FAULTS)
def test_a_fault_is_found_by_its_check_alone(clean, audit, fault):
  plant, expected = _FAULTS[fault]
  assert _raised(audit(plant(clean))) == expected


@pytest.mark.parametrize('change', _COPIES)
def test_copies_that_look_different_are_found(clean, audit, change):
  options, fewest = _COPIES[change]
  data = faulty_copies.with_copies(clean, **options)
  findings = audit(data)
  assert _raised(findings) == _LOOK_ALIKES
  is_copy = np.array(
    [a is not b for a, b in zip(data.images, clean.images, strict=True)]
  )
  copies = set(data.table['path'][is_copy])
  found = set(findings['Images that look the same']['ids'])
  print(change, len(found & copies))
  assert len(copies) == faulty_copies.COPIES
  assert len(found & copies) >= fewest
  # Nothing but the copies and the slices that they were made of.
  assert len(found - copies) <= faulty_copies.COPIES


@pytest.mark.parametrize(
  'seed',
  [
    *range(3),
    *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 20)),
  ],
)
def test_clean_data_raise_nothing(audit, seed):
  assert _raised(audit(faulty_copies.clean(seed=seed))) == {}
