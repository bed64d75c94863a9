# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which files of an archive are which study, told by their headers.

Series ids and patients leave a process as digests under a key that is drawn for
each call, so that they can be compared and not be guessed.
"""

from collections.abc import Iterable, Sequence
import dataclasses
import functools
import hashlib
import os
import pathlib
import secrets
from typing import NamedTuple

from bit_covid.archive import attempt
from bit_covid.archive import study as study_lib
from input_pipeline.scans import archive
from input_pipeline.scans import budget as budget_lib
from input_pipeline.scans import dicom_header
from input_pipeline.scans import dicom_series
from input_pipeline.scans import file_kind
from input_pipeline.scans import input_file
from input_pipeline.scans import private_folder
from input_pipeline.scans import scan

# Files whose headers are read by one task.
_FILES = 64
# Bytes at the start of a file that tell it from others, with its size.
_HEAD = 4096


# It does not show its attributes, as Dask may print what a task is given.
@dataclasses.dataclass(frozen=True, repr=False)
class Files:
  """Files whose headers are read by one task."""

  files: Sequence[input_file.InputFile]


class Entry(NamedTuple):
  """A file of an archive.

  Attributes:
    path: where it is.
    head: a digest of its size and its first bytes.
    identity: what tells its series, as digests.
  """

  path: str
  head: bytes
  identity: dicom_series.Identity


def find(
  runner: attempt.Runner, files: Iterable[input_file.InputFile]
) -> list[study_lib.Study]:
  """Returns the studies that files consist of.

  Each series of a patient is a study of its own, as are a volume, a zip archive
  and a folder of images. Files that are none of these are in a study too, so
  that its worker says why it refuses them.

  Raises:
    StopError: no headers can be read.
  """
  read_files = functools.partial(read, key=secrets.token_bytes(32))
  given = list(files)
  starts = range(0, len(given), _FILES)
  parts = [Files(given[i : i + _FILES]) for i in starts]
  results = attempt.all_of(runner, read_files, parts)
  failed = [
    Files([file])
    for part, result in zip(parts, results, strict=True)
    if isinstance(result, attempt.Failed)
    for file in part.files
  ]
  # One of the files makes it fail.
  results += attempt.all_of(runner, read_files, failed) if failed else []
  return studies(
    entry
    for part, result in zip([*parts, *failed], results, strict=True)
    for entry in _entries(part, result)
  )


def read(files: Files, key: bytes) -> list[Entry]:
  """Returns what the headers of files say.

  Args:
    files: to be read.
    key: of the digests, of this call.
  """
  # Of one series, all have the same.
  identities: dict[dicom_series.Identity, dicom_series.Identity] = {}
  entries = []
  with private_folder.PrivateFolder() as folder:
    for number, file in enumerate(files.files):
      known = _identity(file, folder.path / str(number))
      patient, name, study = (_digest(x, key) for x in known.patient)
      series = _digest(known.series, key)
      identity = dicom_series.Identity(series, (patient, name, study))
      identity = identities.setdefault(identity, identity)
      entries.append(Entry(str(file.path), _head(file.path), identity))
  return entries


def studies(entries: Iterable[Entry]) -> list[study_lib.Study]:
  """Returns the studies of files; copies of a study are one with it."""
  grouped = dicom_series.by_patient(entries, lambda x: x.identity)
  found: dict[str, list[str]] = {}
  for members in (members for series in grouped for members in series):
    # Sorted, as the order in which files were found says nothing.
    study_id = scan.digest(*sorted(x.head for x in members))
    found.setdefault(study_id, []).extend(x.path for x in members)
  return [study_lib.Study(*x) for x in found.items()]


def _entries(
  part: Files, result: list[Entry] | attempt.Failed
) -> Sequence[Entry]:
  if not isinstance(result, attempt.Failed):
    return result
  if len(part.files) > 1:
    return ()  # They were read one by one.
  # A study of its own, which takes no other with it.
  path = str(part.files[0].path)
  head = _head(part.files[0].path)
  alone = dicom_series.Identity(secrets.token_hex(16), ('', '', ''))
  return [Entry(path, head, alone)]


def _identity(
  file: input_file.InputFile, folder: pathlib.Path
) -> dicom_series.Identity:
  """Returns what a file belongs to, and what is known of the patient."""
  unpacked, kind = file, file_kind.kind(file)
  if kind == 'gzip' and file.name.lower().endswith('.nii.gz'):
    kind = 'nifti'  # Whatever it is, the worker will find out.
  budget = budget_lib.Budget()
  if kind in ('gzip', 'deflated'):
    try:
      path = archive.unpack_one(file.path, folder, kind=kind, budget=budget)
      unpacked = file._replace(path=path)
      kind = file_kind.kind(unpacked)
    except archive.UnpackError:
      kind = 'refused'
  if kind == 'dicom':
    headers, _ = dicom_header.read(unpacked, budget)
    if headers:
      found = dicom_series.identity(unpacked, headers[0])
      return found._replace(series=f'series {found.series}')
  # A volume and a zip archive are studies of their own.
  is_alone = kind in ('nifti', 'zip')
  place = file.path if is_alone else file.folder
  kind = kind if kind in ('image', 'nifti', 'zip') else 'refused'
  return dicom_series.Identity(f'{kind} {place}', ('', '', ''))


def _head(path: pathlib.Path) -> bytes:
  """Returns a digest that files have in common with their copies."""
  content = b''
  try:
    # Neither pipes nor devices, which a read might wait for.
    if path.is_file():
      size = path.stat().st_size
      with path.open('rb') as file:
        content = size.to_bytes(8, 'big') + file.read(_HEAD if size else 0)
  except OSError:
    pass  # The worker refuses it.
  return hashlib.sha256(content or os.fsencode(path)).digest()


def _digest(text: str, key: bytes) -> str:
  """Returns a digest of a text, and '' of an empty one."""
  content = text.encode(errors='surrogatepass')
  return text and hashlib.blake2b(content, key=key, digest_size=16).hexdigest()
