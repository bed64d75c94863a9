# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which folders are those of a call that goes on."""

import pytest

from bit_covid.scoring import unfinished
from bit_covid.training import run_lock

LOCK = run_lock.FILE_NAME


@pytest.mark.parametrize(
  ('names', 'expected'),
  [
    ((), False),
    ((LOCK,), True),
    ((LOCK, 'unfinished/.call.json.1-2-3.partial'), True),
    (('scans.csv', 'unfinished/call.json'), True),
    # All has been written, and the record was about to be removed.
    (('scans.csv', LOCK, 'unfinished/call.json'), True),
    ((LOCK, 'scans.csv'), False),
    (('notes.txt',), False),
  ],
)
def test_a_call_that_has_begun_goes_on(tmp_path, names, expected):
  for name in names:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
  assert unfinished.exists(tmp_path) == expected
  assert not unfinished.exists(tmp_path / 'none')


def test_a_call_that_was_killed_as_it_began_begins_again(tmp_path):
  (tmp_path / 'unfinished').mkdir()
  begun = unfinished.Unfinished(tmp_path, {'version': '1'})
  assert begun.ids() == set()
  assert (tmp_path / 'unfinished' / 'call.json').is_file()


def test_a_finished_call_leaves_only_its_results(tmp_path):
  (tmp_path / 'scans.csv').touch()
  call = unfinished.Unfinished(tmp_path, {'version': '1'})
  call.add('a', {'rows': []})
  # What a write that was killed leaves.
  (tmp_path / 'unfinished' / '.b.json.1-2-3.partial').touch()
  unfinished.remove(tmp_path)
  assert [x.name for x in tmp_path.iterdir()] == ['scans.csv']
  assert not unfinished.exists(tmp_path)
