# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A file that may hold slices, from a path, a folder or an archive."""

from collections.abc import Iterator
import hashlib
import os
import pathlib
from typing import NamedTuple

from input_pipeline.scans import limits
from input_pipeline.scans import scan

# Prefixes of files that file systems and archives leave behind.
_HIDDEN = ('.', '__MACOSX')
_OTHER_FORMATS = (
  *('.bmp', '.gif', '.heic', '.hdr', '.img', '.jp2', '.mha', '.mhd', '.mgz'),
  *('.nrrd', '.tif', '.tiff', '.webp'),
)
_DICOM_SUFFIXES = ('.dcm', '.dicom', '.ima')
_IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg')


class InputFile(NamedTuple):
  """A file on disk.

  Attributes:
    path: where the file is; for a member of an archive, where it was unpacked.
    name: the path that the user knows, which may lead through archives.
    is_named: whether the user named the file itself, and not a folder or an
      archive that contains it.
  """

  path: pathlib.Path
  name: str
  is_named: bool = False

  @property
  def folder(self) -> str:
    """The folder in `name`. Images of one folder are taken for one scan."""
    return str(pathlib.PurePath(self.name).parent)

  def digest(self) -> str:
    """Returns the SHA-256 of the content; '' if it cannot be read."""
    try:
      with self.path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
    except OSError:
      return ''

  def refuse(self, reason: str, cause: scan.Cause) -> scan.Refused:
    """Returns the file as a refused input."""
    content = self.digest()
    identity = scan.digest(content.encode()) if content else ''
    return scan.Refused(self.name, identity, reason, cause)


def walk(folder: pathlib.Path, name: str) -> Iterator[InputFile]:
  """Yields all files in and below a folder, sorted. Links are followed.

  A folder that several links lead to is visited once.

  Args:
    folder: the folder.
    name: the name of the folder that the user knows.
  """
  seen = set()
  for parent, folders, names in os.walk(folder, followlinks=True):
    place = os.stat(parent)
    if (place.st_dev, place.st_ino) in seen:
      folders.clear()
      continue
    seen.add((place.st_dev, place.st_ino))
    folders.sort()
    below = pathlib.Path(parent).relative_to(folder)
    for file_name in sorted(names):
      yield InputFile(
        pathlib.Path(parent, file_name),
        str(pathlib.PurePath(name) / below / file_name),
      )


def kind(file: InputFile) -> str | scan.Refused:
  """Returns 'image', 'dicom', 'nifti' or 'zip', or why the file is refused.

  The content decides, as names say little: DICOM files often have no suffix.
  """
  if any(x.startswith(_HIDDEN) for x in pathlib.PurePath(file.name).parts[-1:]):
    return file.refuse('a hidden file', 'foreign')
  if '__MACOSX' in pathlib.PurePath(file.name).parts:
    return file.refuse('a hidden file', 'foreign')
  try:
    size = file.path.stat().st_size
    with file.path.open('rb') as stream:
      head = stream.read(352)
  except OSError as error:
    return file.refuse(f'it cannot be read: {error.strerror}', 'damaged')
  if not size:
    return file.refuse('the file is empty', 'damaged')
  found = _by_content(head, file.name.lower())
  if found is None:
    return _refuse_unknown(file)
  if found != 'zip' and size > limits.FILE_BYTES:
    return file.refuse(
      f'it has {size:,} bytes; at most {limits.FILE_BYTES:,} are read',
      'damaged',
    )
  return found


def _by_content(head: bytes, name: str) -> str | None:
  suffix = pathlib.PurePath(name).suffix
  if head.startswith((b'\x89PNG\r\n\x1a\n', b'\xff\xd8\xff')):
    return 'image'
  if head[128:132] == b'DICM':
    return 'dicom'
  if head[344:348] == b'n+1\0' or head[4:12] == b'n+2\0\r\n\x1a\n':
    return 'nifti'
  if head.startswith(b'\x1f\x8b') and name.endswith('.nii.gz'):
    return 'nifti'
  # The suffix counts here: documents of other programs are zip archives too.
  if head.startswith((b'PK\3\4', b'PK\5\6')) and suffix in ('.zip', ''):
    return 'zip'
  # Old DICOM files have no preamble and begin with an element of group 2 or 8.
  without_preamble = head[:2] in (b'\2\0', b'\10\0') and head[3:4] == b'\0'
  if without_preamble and suffix in (*_DICOM_SUFFIXES, ''):
    return 'dicom'
  return None


def _refuse_unknown(file: InputFile) -> scan.Refused:
  name = file.name.lower()
  suffix = pathlib.PurePath(name).suffix
  known = (*_DICOM_SUFFIXES, *_IMAGE_SUFFIXES, '.nii', '.zip')
  if suffix in known or name.endswith('.nii.gz'):
    return file.refuse(
      f'its name ends in {suffix}, but its content is of another kind',
      'damaged',
    )
  if suffix in _OTHER_FORMATS:
    return file.refuse(
      f'the format {suffix} is not read; convert it to DICOM, NIfTI (.nii) or '
      'PNG',
      'damaged',
    )
  return file.refuse(
    'neither PNG, JPEG, DICOM, NIfTI nor a zip archive',
    'damaged' if file.is_named else 'foreign',
  )
