# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What an upload takes, and what it refuses while it comes in."""

import asyncio
import stat

import pytest

from bit_covid.app import limits as limits_lib
from bit_covid.app import upload as upload_lib


@pytest.fixture
def make():
  made = []

  def make_upload(**limits) -> upload_lib.Upload:
    made.append(upload_lib.Upload(limits_lib.Limits(**limits)))
    return made[-1]

  yield make_upload
  for each in made:
    each.remove()


def _receive(upload, name, *parts, folder=0):
  sent = []

  async def chunks():
    for part in parts:
      if isinstance(part, Exception):
        raise part
      sent.append(part)
      yield part

  try:
    asyncio.run(upload.receive(folder, name, chunks()))
  finally:
    upload.chunks_taken = len(sent)


def _files(upload):
  return {
    str(x.relative_to(upload.folder)): x.read_bytes()
    for x in upload.folder.rglob('*')
    if x.is_file()
  }


def test_files_lie_under_their_numbers_in_a_private_folder(make):
  upload = make()
  _receive(upload, '000000.dcm', b'ab', b'c')
  _receive(upload, '000001', b'd', folder=7)
  _receive(upload, '000002.nii.gz')
  assert _files(upload) == {
    '000000/000000.dcm': b'abc',
    '000007/000001': b'd',
    '000000/000002.nii.gz': b'',
  }
  assert (upload.size, upload.count) == (4, 3)
  assert stat.S_IMODE(upload.folder.stat().st_mode) == 0o700
  upload.remove()
  upload.remove()
  assert not upload.folder.exists()


@pytest.mark.parametrize(
  'name',
  [
    '../000000.dcm',
    '..',
    '/etc/passwd',
    '000000.dcm/../../x',
    '000000..dcm',
    '000000.DCM',
    '000000.dcm\n',
    '000000.\0',
    '\u0660' * 6,  # Digits, but not of ASCII.
    'Doe.dcm',
    '1.dcm',
    '',
  ],
)
def test_no_name_leads_elsewhere(make, name):
  upload = make()
  with pytest.raises(upload_lib.RefusedError, match='expected six digits'):
    _receive(upload, name, b'x')
  assert _files(upload) == {}


@pytest.mark.parametrize('folder', [-1, 10])
def test_folders_are_as_many_as_files_at_most(make, folder):
  with pytest.raises(upload_lib.RefusedError, match=f'in folder {folder};'):
    _receive(make(files=10), '000000', b'x', folder=folder)


def test_what_is_too_large_is_refused_before_all_of_it_came(make):
  upload = make(bytes=10)
  _receive(upload, '000000', b'1234')
  with pytest.raises(upload_lib.RefusedError, match='larger --max_mb'):
    _receive(upload, '000001', *[b'1234'] * 100)
  assert upload.chunks_taken == 2
  assert _files(upload) == {'000000/000000': b'1234'}


def test_a_limit_is_not_passed_by_what_fits_exactly(make):
  upload = make(bytes=8, files=2)
  _receive(upload, '000000', b'1234')
  _receive(upload, '000001', b'1234')
  with pytest.raises(upload_lib.RefusedError, match='More than 2 files'):
    _receive(upload, '000002')


def test_a_file_is_not_overwritten(make):
  upload = make()
  _receive(upload, '000000', b'first')
  with pytest.raises(upload_lib.RefusedError, match='sent twice'):
    _receive(upload, '000000', b'second')
  assert _files(upload) == {'000000/000000': b'first'}


def test_nothing_is_left_of_a_file_that_broke_off(make):
  upload = make()
  with pytest.raises(ConnectionError):
    _receive(upload, '000000', b'half', ConnectionError())
  assert _files(upload) == {}
