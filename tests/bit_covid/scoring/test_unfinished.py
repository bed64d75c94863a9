# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which folders are those of a call that goes on."""

import pytest

from bit_covid.scoring import unfinished


@pytest.mark.parametrize(
  ('names', 'expected'),
  [
    ((), False),
    (('run.lock',), True),
    (('run.lock', 'unfinished/.call.json.1-2-3.partial'), True),
    (('scans.csv', 'unfinished/call.json'), True),
    (('run.lock', 'scans.csv'), False),
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
