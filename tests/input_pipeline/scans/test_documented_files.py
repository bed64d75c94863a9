# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Each row of the table of files in docs/scans.md is what happens."""

import os
import pathlib
import re
import stat
import zipfile

import nibabel
import numpy as np
import pytest

from input_pipeline import scans
from input_pipeline.scans import limits

_DOCUMENT = pathlib.Path(__file__).parents[3] / 'docs' / 'scans.md'


def _nifti(**fields):
  """Returns a volume with these header fields, and a right one's content."""

  def make(volume):
    content = nibabel.Nifti1Image(volume, np.diag([0.7, 0.7, 2, 1])).to_bytes()
    header = nibabel.Nifti1Header(content[:348])
    for name, value in fields.items():
      header[name] = value
    return header.binaryblock + content[348:]

  return make


def _zip(*names, flags=0, method=0, mode=0):
  """Returns a maker of a zip archive whose first member is changed."""

  def make(volume, path):
    content = _nifti()(volume)
    with zipfile.ZipFile(path, 'w') as file:
      for name in names:
        info = zipfile.ZipInfo('x')
        info.filename, info.external_attr = name, mode << 16
        file.writestr(info, content)
    changed = bytearray(path.read_bytes())
    place = changed.index(b'PK\1\2')
    changed[place + 8] |= flags
    changed[place + 10] = method
    path.write_bytes(changed)

  return make


def _content(content):
  return lambda volume: content


_DRIVE = 'a drive letter, `..` or a first slash in a zip'
# By row: what is written, and what is said; None: it is used without a note.
_ROWS = {
  '`vox_offset` is 0': (_nifti(vox_offset=0), None),
  '`scl_slope` is 0': (_nifti(scl_slope=0), None),
  '`scl_inter` is not a number': (
    _nifti(scl_slope=1, scl_inter=np.nan),
    'intercept',
  ),
  '`datatype` is a colour, complex or unknown': (
    _nifti(datatype=32),
    'one number a voxel',
  ),
  '`dim` has several volumes': (
    _nifti(dim=[4, 16, 16, 1, 3, 1, 1, 1]),
    'one volume',
  ),
  '`xyzt_units`': (_nifti(xyzt_units=0), None),
  '`sform_code` and `qform_code` are 0': (
    _nifti(sform_code=0, qform_code=0),
    'Nothing in the file says',
  ),
  '`sform_code` and `qform_code` differ': (
    _nifti(qform_code=1, quatern_d=1),
    'the sform is used',
  ),
  '`pixdim` is negative': (_nifti(pixdim=-1), None),
  'the end of a file is missing': (
    lambda volume: _nifti()(volume)[:-1],
    'the end is missing',
  ),
  '`.hdr` and `.img`': (_nifti(magic=b'ni1'), 'without its .img'),
  'backslashes in a zip': (_zip('a\\b'), None),
  'colons in a zip': (_zip('10:22/b'), None),
  '`.` in a zip': (_zip('./b'), None),
  _DRIVE: (_zip('c:\\b'), 'outside of it'),
  'a link or device in a zip': (
    _zip('a', mode=stat.S_IFLNK | 0o777),
    'a link or device',
  ),
  'an encrypted zip': (_zip('a', flags=1), 'encrypted'),
  'Deflate64 and other methods in a zip': (
    _zip('a', method=9),
    'deflate64, which is not read',
  ),
  'names in another code page in a zip': (_zip('\x81\x8f'), None),
  'archives that unpack to more than 16 GiB together': (
    _zip('a'),
    'unpack to more than 1,000 bytes',
  ),
  '7z, RAR, tar, bzip2, xz': (_content(b'Rar!'), 'RAR archive'),
  'TIFF, GIF, JPEG 2000 and others': (_content(b'GIF89a'), 'format GIF'),
  'an empty file': (_content(b''), 'empty'),
  'a file name that is not UTF-8': (_nifti(), None),
}
# These need more than one file.
_ELSEWHERE = {
  'a folder that cannot be listed',
  'a pipe or device in a folder',
  'a file that is given twice',
  'a scan that is given twice',
  'an archive that unpacks to more than 256 MiB and 500 times its size',
  'an archive of more than 50,000 files',
  'a PNG or JPEG of more than 256 MiB, other files of more than 4 GiB',
  'a JPEG of more than 100 passes over its pixels',
  'a slice that takes more than 5 s to decode',
}


def test_each_row_has_its_test():
  section = _DOCUMENT.read_text().split('## NIfTI files, archives')[1]
  section = section.split('\n## ')[0]
  rows = re.findall(r'^\| (.*?) \|', section, re.MULTILINE)
  assert set(rows) - {'what is found'} == set(_ROWS) | _ELSEWHERE


@pytest.mark.parametrize('row', _ROWS)
def test_rows(tmp_path, monkeypatch, row):
  make, said = _ROWS[row]
  volume = np.full((16, 16, 3), -1000, np.int16)
  folder = tmp_path / 'files'
  folder.mkdir()
  name = b'M\xfcller' if 'not UTF-8' in row else b'a'
  path = pathlib.Path(os.fsdecode(os.fsencode(folder) + b'/' + name))
  if 'zip' in row.split() or '16 GiB' in row:
    make(volume, path)
  else:
    path.write_bytes(make(volume))
  if '16 GiB' in row:
    monkeypatch.setattr(limits, 'ARCHIVE_BYTES', 1000)
  with scans.find(folder) as found:
    texts = [x.reason for x in found.refused]
    texts += [note for x in found.scans for note in x.notes]
    assert found.num_files == 1
    assert found.num_used == len(found.scans)
    if said is None:
      assert [len(x) for x in found.scans] == [3]
      assert not texts
    else:
      assert any(said in x for x in texts), texts
