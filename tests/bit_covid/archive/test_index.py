# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of an archive grouped to studies, by digests."""

import pytest

for _package in ('cryptography', 'distributed', 'pyarrow'):
  pytest.importorskip(_package, reason='needs the extra `archive`')
# Below the lines that skip these tests, as both import pyarrow or Dask.
from bit_covid.archive import index  # noqa: E402
from bit_covid.archive import source  # noqa: E402


@pytest.fixture
def export(tmp_path, chest, write_dicom):
  for place, patient in (('a', '1'), ('b/c', '1'), ('d', '2')):
    (tmp_path / place).mkdir(parents=True)
    tags = {'PatientID': patient}
    write_dicom(tmp_path / place / 'x.dcm', chest(32, seed=len(place)), **tags)
  (tmp_path / 'link.dcm').symlink_to(tmp_path / 'a' / 'x.dcm')
  return tmp_path


def test_a_series_in_two_folders_is_one_study_and_two_patients_are_two(export):
  files, refused = source.files(str(export))
  assert [x.cause for x in refused] == ['other']  # The link.
  entries, refused = index.read(index.Files(files), key=b'1' * 32)
  assert not refused
  found = index.studies(entries)
  places = [{x.path.removeprefix(str(export)) for x in y.files} for y in found]
  assert sorted(map(len, places)) == [1, 2]
  assert {'/d/x.dcm'} in places


def test_who_has_not_the_key_cannot_guess_a_patient(export):
  files, _ = source.files(str(export / 'a'))
  first, second = (
    index.read(index.Files(files), key=key)[0][0] for key in (b'1', b'2')
  )
  assert first.file_id == second.file_id
  assert first.identity.patient[0] != second.identity.patient[0]
  assert first.identity.series != second.identity.series


def test_a_pattern_finds_what_a_folder_does(export):
  files, _ = source.files(str(export))
  found, _ = source.files(str(export / '**' / '*.dcm'))
  assert {x.path.resolve() for x in files} == {x.path.resolve() for x in found}
  with pytest.raises(FileNotFoundError, match='none'):
    source.check(str(export / 'none*'))
