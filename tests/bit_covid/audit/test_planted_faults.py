# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Each fault is found by the check that it belongs to, and nothing in others.

The faults are in copies of drawn slices that are clean: see `faulty_copies`.
"""

import json

import pytest

from bit_covid.audit import command
from tests.bit_covid.audit import faulty_copies

# Each fault and what the checks say of it beyond a note.
_FAULTS = {
  'a patient in two splits': (
    faulty_copies.patients_in_two_splits,
    {'Patients in several splits': 'FAILED'},
  ),
  'equal files': (faulty_copies.with_equal_files, {'Equal images': 'FAILED'}),
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
# Of how many copies docs/audit.md promises to find.
_FEWEST = {'JPEG': 5, 'brighter': 5, 'mirrored': 6, 'cropped': 3}


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


def test_copies_that_look_different_are_found(clean, audit):
  data = faulty_copies.with_copies(clean)
  findings = audit(data)
  assert _raised(findings) == {'Images that look the same': 'WARNING'}
  found = set(findings['Images that look the same']['ids'])
  copies = data.table[data.table['change'] != '']
  counts = copies['path'].isin(found).groupby(copies['change']).sum()
  assert all(counts[x] >= fewest for x, fewest in _FEWEST.items()), counts
  # Nothing else, and each copy with its original.
  seen = copies[copies['path'].isin(found)]
  assert found == {*seen['path'], *seen['original']}


@pytest.mark.parametrize(
  'seed',
  [0, *(pytest.param(x, marks=pytest.mark.slow) for x in range(1, 5))],
)
def test_clean_data_raise_nothing(audit, seed):
  patients = {'train': 16, 'val': 5, 'test': 5}
  clean = faulty_copies.clean(seed=seed, patients=patients)
  assert _raised(audit(clean)) == {}
