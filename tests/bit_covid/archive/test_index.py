# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files of an archive grouped to studies, by digests."""

import gzip
import os
import shutil

import pytest

from bit_covid.archive import attempt
from bit_covid.archive import index
from bit_covid.archive import source

# Enough to tell its kind.
NIFTI = b'n+1\0'.rjust(348, b'\0')


class Here:
  """A runner that does everything in this process."""

  def run(self, work, items, on_done):
    for i, item in enumerate(items):
      on_done(i, attempt.attempt(work, item))


def _find(place, runner=None):
  return index.find(runner or Here(), source.files(str(place)))


def _names(folder, study):
  return {os.path.relpath(x, folder) for x in study.paths}


@pytest.fixture
def export(tmp_path, chest, write_dicom):
  for place, patient in (('a', '1'), ('b/c', '1'), ('d', '2')):
    (tmp_path / place).mkdir(parents=True)
    tags = {'PatientID': patient}
    write_dicom(tmp_path / place / 'x.dcm', chest(32, seed=len(place)), **tags)
  (tmp_path / 'link.dcm').symlink_to(tmp_path / 'a' / 'x.dcm')
  return tmp_path


def test_a_series_in_two_folders_is_one_study_and_two_patients_are_two(export):
  found = [_names(export, x) for x in _find(export)]
  expected = [{'link.dcm', 'a/x.dcm', 'b/c/x.dcm'}, {'d/x.dcm'}]
  assert sorted(found, key=len, reverse=True) == expected


def test_copies_are_in_one_study_and_other_files_by_folder(export):
  for name in ('1.nii.gz', '2.nii.gz'):
    (export / name).write_bytes(gzip.compress(NIFTI, mtime=0))
  (export / '3.nii.gz').write_bytes(gzip.compress(NIFTI + b'more', mtime=0))
  for name in ('notes.txt', '.hidden'):
    (export / name).write_text('Jane Doe')
  (export / 'broken').symlink_to(export / 'nowhere')
  found = [_names(export, x) for x in _find(export)]
  assert {'1.nii.gz', '2.nii.gz'} in found
  assert {'3.nii.gz'} in found
  assert {'notes.txt', '.hidden', 'broken'} in found


def test_the_id_of_a_study_is_that_of_its_content(export):
  before = {x.id for x in _find(export)}
  shutil.move(export / 'd', export / 'moved')
  assert {x.id for x in _find(export)} == before
  (export / 'moved' / 'x.dcm').write_bytes(b'other')
  assert {x.id for x in _find(export)} != before


def test_a_header_that_kills_its_process_takes_no_other_with_it(export):
  class Deadly(Here):
    def run(self, work, items, on_done):
      for i, item in enumerate(items):
        is_deadly = any(x.path.parent.name == 'd' for x in item.files)
        failed = attempt.Failed('KilledWorker')
        on_done(i, failed if is_deadly else attempt.attempt(work, item))

  found = [_names(export, x) for x in _find(export, Deadly())]
  assert {'d/x.dcm'} in found
  assert {'link.dcm', 'a/x.dcm', 'b/c/x.dcm'} in found


def test_who_has_not_the_key_cannot_guess_a_patient(export):
  files = index.Files(list(source.files(str(export / 'a'))))
  first, second = (
    index.read(files, key=key)[0].identity for key in (b'1', b'2')
  )
  assert first.patient[0] != second.patient[0]
  assert first.series != second.series


def test_a_pattern_finds_what_a_folder_does(export):
  files = source.files(str(export))
  found = source.files(str(export / '**' / '*.dcm'))
  assert {x.path.resolve() for x in files} == {x.path.resolve() for x in found}
  with pytest.raises(FileNotFoundError, match='none'):
    source.check(str(export / 'none*'))
