# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The CSV of studies."""

import collections
import pathlib

import pytest

from bit_covid.archive import study


def test_studies_are_read_as_they_were_written(tmp_path):
  studies = [
    study.Study('a', ['/export/=1.dcm', '/export/2,"3".dcm']),
    study.Study('b', ['/export/b']),
  ]
  path = tmp_path / 'studies.csv'
  study.write(path, studies)
  assert study.read(path) == studies
  assert path.stat().st_mode & 0o077 == 0


def test_paths_of_a_csv_are_relative_to_its_folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  pathlib.Path('x.csv').write_text('study,path,site\na,b/1.dcm,x\na,2.dcm,\n')
  (found,) = study.read(pathlib.Path('x.csv'))
  assert found.paths == [f'{tmp_path}/b/1.dcm', f'{tmp_path}/2.dcm']


def test_a_name_that_is_not_utf8_is_told(tmp_path):
  studies = [study.Study('a', ['/export/\udcff.dcm'])]
  with pytest.raises(ValueError, match='is not UTF-8; rename it'):
    study.write(tmp_path / 'x.csv', studies)


def test_parts_have_about_equal_shares_that_never_change():
  studies = [study.Study(f'{i:012x}', []) for i in range(10_000)]
  count = collections.Counter(x.part(100) for x in studies)
  assert len(count) == 100
  assert max(count.values()) < 150
  # CRC-32 of '123456789', from its definition.
  assert study.Study('123456789', []).part(1 << 32) == 0xCBF43926
