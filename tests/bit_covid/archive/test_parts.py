# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Parts of results, which are complete or not there."""

import errno

import pandas as pd
import pytest

pytest.importorskip('pyarrow', reason='needs the extra `archive`')
# Below the line that skips these tests, as they import pyarrow.
from bit_covid.archive import parts as parts_lib
from bit_covid.archive import score_study
from bit_covid.archive import study
from bit_covid.archive import summary
from bit_covid.archive import tables
from input_pipeline import scans

NAMES = ('Normal', 'CP', 'NCP')
CALL = {'version': '1', 'checkpoint': ['ab']}
STUDIES = [study.Study(f'{i:012x}', [f'{i}.dcm']) for i in range(7)]


def _done(number, error=''):
  refused = [scans.Refused('Doe.dcm', f'{number:012x}', 'no scan', 'damaged')]
  found = scans.Found([], refused, 1)
  return score_study.Done(tables.of_study([], found, NAMES, error), [])


@pytest.fixture
def parts(tmp_path):
  return parts_lib.Parts.begin(tmp_path / 'scored', CALL, STUDIES)


def _write(parts, numbers, error=''):
  for number in numbers:
    members = [x for x in STUDIES if x.part(parts.count) == number]
    done = [_done(int(x.id, 16), error) for x in members]
    parts.write(number, done, NAMES, None)


def test_parts_are_named_until_they_are_there(parts, capsys):
  assert parts.count == len(STUDIES)
  assert not summary.say(parts.folder)
  assert 'Missing: 0, 1, 2, 3, 4, 5, 6.' in capsys.readouterr().out
  _write(parts, [0, 1, 2, 4, 5, 6])
  summary.say(parts.folder)
  assert 'Parts: 6 of 7. Missing: 3.' in capsys.readouterr().out
  _write(parts, [3], error='KilledWorker')
  assert not summary.say(parts.folder)
  lost = sum(x.part(7) == 3 for x in STUDIES)
  said = capsys.readouterr().out
  assert 'Missing' not in said
  assert (
    'Studies: 7 of 7. Not scored, or not wholly, because of an error: ' in said
  )
  assert f'error: {lost}.' in said
  assert 'Files given: 7. In scans: 0. In none: 7.' in said
  refused = pd.read_parquet(parts.folder / 'refused')
  assert sorted(refused['file_id']) == [x.id for x in STUDIES]


def test_a_part_that_was_not_written_whole_is_missing(parts, monkeypatch):
  write = tables.write

  def write_some(path, table):
    if path.parent.name == 'studies':
      raise OSError(errno.ENOSPC, 'full')
    write(path, table)

  monkeypatch.setattr(tables, 'write', write_some)
  with pytest.raises(OSError, match='full'):
    _write(parts, [2])
  assert len(list(parts.folder.rglob('00002.parquet'))) == 4
  assert parts.missing() == list(range(7))


@pytest.mark.parametrize(
  ('call', 'studies', 'expected'),
  [
    (CALL | {'version': '2'}, STUDIES, 'version=1, and this one has version=2'),
    (CALL | {'checkpoint': ['c']}, STUDIES, 'checkpoint'),
    (CALL, STUDIES[1:], 'another archive, of 7 studies; there are 6 now'),
    (
      CALL,
      [*STUDIES[1:], study.Study(STUDIES[0].id, ['0.dcm', '7.dcm'])],
      'or other files',
    ),
  ],
)
def test_other_results_are_not_mixed_in(parts, call, studies, expected):
  with pytest.raises(ValueError, match=expected):
    parts_lib.Parts.begin(parts.folder, call, studies)
  again = parts_lib.Parts.begin(parts.folder, CALL, STUDIES)
  assert again.count == parts.count


def test_large_archives_have_a_part_for_100_studies(tmp_path):
  studies = [study.Study(str(i), ['x']) for i in range(20_001)]
  assert parts_lib.Parts.begin(tmp_path, CALL, studies).count == 201


def test_a_folder_without_results_is_told(tmp_path):
  with pytest.raises(ValueError, match='holds no results'):
    summary.say(tmp_path)
