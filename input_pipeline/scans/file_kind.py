# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What kind of file it is, told by its content.

Names say little: DICOM files are named by numbers, and NIfTI files lose or gain
an ending on their way. A name only decides how a file that is not read is
reported.
"""

import gzip
import pathlib
import stat
import struct
import zlib

from pydicom import valuerep

from input_pipeline.scans import deflated_dicom
from input_pipeline.scans import input_file
from input_pipeline.scans import limits
from input_pipeline.scans import scan
from input_pipeline.scans import zip_member

# How many bytes of a file tell its kind.
_HEAD = deflated_dicom.HEAD_BYTES
# The kinds that are read, by where their mark is and what it is.
_MARKS = (
  (128, b'DICM', 'dicom'),
  (0, b'\x89PNG\r\n\x1a\n', 'image'),
  (0, b'\xff\xd8\xff', 'image'),
  (344, b'n+1\0', 'nifti'),
  (4, b'n+2\0\r\n\x1a\n', 'nifti'),
  (0, b'\x1f\x8b', 'gzip'),
  (0, b'PK\3\4', 'zip'),
  (0, b'PK\5\6', 'zip'),
  (0, b'PK\7\x08', 'zip'),
  (0, b'PK00PK\3\4', 'zip'),
)
_IMAGES = {
  (0, b'II*\0'): 'TIFF',
  (0, b'MM\0*'): 'TIFF',
  (0, b'GIF8'): 'GIF',
  (8, b'WEBP'): 'WebP',
  (4, b'ftyphei'): 'HEIC',
  (0, b'\0\0\0\x0cjP  '): 'JPEG 2000',
  (0, b'NRRD'): 'NRRD',
  (0, b'ObjectType'): 'MetaImage',
  (344, b'ni1\0'): 'NIfTI without its .img',
}
_ARCHIVES = {
  (0, b'7z\xbc\xaf\x27\x1c'): '7z',
  (0, b'Rar!'): 'RAR',
  (257, b'ustar'): 'tar',
  (0, b'BZh'): 'bzip2',
  (0, b'\xfd7zXZ'): 'xz',
  (0, b'\x28\xb5\x2f\xfd'): 'Zstandard',
}
# Documents of office programs, Java and NumPy are zip archives too. Each has a
# member of this name, or consists of members that end so.
_DOCUMENTS = {'[Content_Types].xml', 'mimetype', 'META-INF/MANIFEST.MF'}
_ARRAY = '.npy'
# Endings by which a file that is not read is an error and not a stray file.
_READ_SUFFIXES = (
  *('.dcm', '.dicom', '.ima', '.png', '.jpg', '.jpeg', '.nii', '.zip'),
)
_OTHER_SUFFIXES = (
  *('.bmp', '.gif', '.heic', '.hdr', '.img', '.jp2', '.mha', '.mhd', '.mgz'),
  *('.nrrd', '.tif', '.tiff', '.webp'),
)
_VRS = {x.value.encode() for x in valuerep.VR}
_LONG_VRS = {x.encode() for x in valuerep.EXPLICIT_VR_LENGTH_32}
# Elements after which a file without a preamble is taken for DICOM.
_ENOUGH = 3
_DAMAGED_GZIP = 'a damaged .gz file; copy it again'


def kind(file: input_file.InputFile) -> str | scan.Refused:
  """Returns what a file is, or why it is refused.

  Returns:
    'image', 'dicom', 'deflated' (such a DICOM file), 'nifti', 'zip', or 'gzip'
    of one of these.
  """
  parts = pathlib.PurePath(file.name).parts[-1:]
  is_hidden = '__MACOSX' in pathlib.PurePath(file.name).parts or any(
    x.startswith('.') for x in parts
  )
  if is_hidden and not file.is_named:
    return file.refuse('a hidden file', 'foreign')
  try:
    status = file.path.stat()
    if stat.S_ISDIR(status.st_mode):
      return file.refuse(
        'the files of this folder cannot be listed; allow yourself to read it',
        'damaged',
      )
    if not stat.S_ISREG(status.st_mode):
      return file.refuse('a device, not a file', 'foreign')
    # Files of /proc say that they are empty, and some of them have no end.
    head = b''
    if status.st_size:
      with file.path.open('rb') as stream:
        head = stream.read(_HEAD)
  except OSError as error:
    return file.refuse(f'it cannot be read: {error.strerror}', 'damaged')
  return _kind(file, head, status.st_size)


def _kind(
  file: input_file.InputFile, head: bytes, size: int
) -> str | scan.Refused:
  found = _by_content(head)
  if found == 'gzip':
    try:
      with gzip.open(file.path) as stream:
        head = stream.read(_HEAD)
    except (OSError, EOFError, zlib.error):
      return file.refuse(_DAMAGED_GZIP, 'damaged')
    found = _by_content(head) and 'gzip'
  if found is None:
    return _refuse_unknown(file, head)
  if found == 'zip':
    if _is_document(file.path):
      return file.refuse(
        'a document of another program; if it holds scans, unpack it first',
        'damaged' if file.is_named else 'foreign',
      )
    return found
  limit = limits.IMAGE_BYTES if found == 'image' else limits.FILE_BYTES
  if size > limit:
    return file.refuse(
      f'it has {size:,} bytes; at most {limit:,} are read', 'damaged'
    )
  if found == 'dicom' and deflated_dicom.is_deflated(head):
    return 'deflated'
  return found


def _by_content(head: bytes) -> str | None:
  for place, mark, found in _MARKS:
    if head.startswith(mark, place):
      return found
  # Old DICOM files have no preamble.
  if any(_begins_with_elements(head, order) for order in '<>'):
    return 'dicom'
  return None


def _begins_with_elements(head: bytes, order: str) -> bool:
  """Returns whether DICOM elements in ascending order begin in group 2 or 8."""
  place, count, previous = 0, 0, (0, 0)
  while place + 12 <= len(head) and count < _ENOUGH:
    tag = struct.unpack_from(f'{order}HH', head, place)
    if tag <= previous or (not count and tag[0] not in (2, 8)):
      return False
    previous, count = tag, count + 1
    representation = head[place + 4 : place + 6]
    if representation in _LONG_VRS:
      start, code = 12, 'I'
    elif representation in _VRS:
      start, code = 8, 'H'
    else:  # Implicit.
      start, code = 8, 'I'
    width = struct.calcsize(code)
    (length,) = struct.unpack_from(order + code, head, place + start - width)
    place += start + length
  return count == _ENOUGH


def _is_document(path: pathlib.Path) -> bool:
  try:
    with zip_member.opened(path) as archive:
      names = archive.namelist()
  # Whatever is wrong with it, the reason is found when it is unpacked.
  except Exception:
    return False
  has_arrays = bool(names) and all(x.endswith(_ARRAY) for x in names)
  return has_arrays or not _DOCUMENTS.isdisjoint(names)


def _refuse_unknown(file: input_file.InputFile, head: bytes) -> scan.Refused:
  suffix = pathlib.PurePath(file.name.lower().removesuffix('.gz')).suffix
  is_read = suffix in _READ_SUFFIXES
  if not head:
    # An empty file without such an ending is a mark that some program left.
    is_damaged = is_read or suffix in _OTHER_SUFFIXES or file.is_named
    return file.refuse(
      'the file is empty; copy it again' if is_damaged else 'the file is empty',
      'damaged' if is_damaged else 'other',
    )
  for (place, mark), name in _ARCHIVES.items():
    if head.startswith(mark, place):
      cause = 'damaged' if file.is_named else 'other'
      return file.refuse(
        f'a {name} archive, which is not read; unpack it first', cause
      )
  names = [x for (i, mark), x in _IMAGES.items() if head.startswith(mark, i)]
  if names or suffix in _OTHER_SUFFIXES:
    return file.refuse(
      f'the format {(names or [suffix])[0]} is not read; convert it to DICOM, '
      'NIfTI (.nii) or PNG',
      'damaged',
    )
  if is_read:
    return file.refuse(
      f'its name ends in {suffix}, but its content is of another kind; copy or '
      'export it again',
      'damaged',
    )
  return file.refuse(
    'neither PNG, JPEG, DICOM, NIfTI nor a zip archive',
    'damaged' if file.is_named else 'foreign',
  )
