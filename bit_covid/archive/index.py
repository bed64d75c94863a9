# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which files of an archive are which study, told by their headers.

Series ids and patients leave a worker as digests under a key that is drawn for
each call, so that they can be compared and not be guessed.
"""

from collections.abc import Sequence
import dataclasses
import hashlib
import pathlib
from typing import NamedTuple

import pyarrow as pa

from input_pipeline.scans import archive
from input_pipeline.scans import budget as budget_lib
from input_pipeline.scans import dicom_header
from input_pipeline.scans import dicom_series
from input_pipeline.scans import file_kind
from input_pipeline.scans import input_file
from input_pipeline.scans import private_folder
from input_pipeline.scans import scan

SCHEMA = pa.schema(
  {
    'study_id': pa.string(),
    'file_id': pa.string(),
    'kind': pa.string(),
    'slices': pa.int64(),
  }
)


# Neither shows its attributes, as Dask may print what a task is given.
@dataclasses.dataclass(frozen=True, repr=False)
class Files:
  """Files whose headers are read by one task."""

  files: Sequence[input_file.InputFile]


@dataclasses.dataclass(frozen=True, repr=False)
class Study:
  """Files that are scored together: of one patient, study and series.

  Attributes:
    id: a digest of their content.
    files: in the order in which they were found.
  """

  id: str
  files: Sequence['Entry']


class Entry(NamedTuple):
  """A file that may be part of a scan.

  Attributes:
    path: where it is.
    file_id: digest of its content, as in `scan.Refused`.
    kind: as `file_kind.kind` returns it, of what is in a compressed file.
    num_slices: of a DICOM file; 0 if only known once the file is read.
    identity: what tells its series, as digests.
  """

  path: str
  file_id: str
  kind: str
  num_slices: int
  identity: dicom_series.Identity


def read(files: Files, key: bytes) -> tuple[list[Entry], list[scan.Refused]]:
  """Returns the files that may be part of a scan, and the refused ones.

  Args:
    files: to be read.
    key: of the digests, of this call.
  """
  entries, refused = [], []
  with private_folder.PrivateFolder() as folder:
    for number, file in enumerate(files.files):
      try:
        found = _read(file, folder.path / str(number), key)
      except archive.UnpackError as error:
        found = file.refuse(str(error), 'damaged')
      # The name of a refused file stays on the worker.
      if isinstance(found, scan.Refused):
        refused.append(found._replace(name=''))
      else:
        entries.append(found)
  return entries, refused


def studies(entries: Sequence[Entry]) -> list[Study]:
  """Returns the studies that files consist of, each series one of its own."""
  grouped = dicom_series.by_patient(entries, lambda x: x.identity)
  return [_study(members) for series in grouped for members in series]


def table(found: Sequence[Study]) -> pa.Table:
  """Returns a row per file of the studies."""
  rows = [
    (x.id, file.file_id, file.kind, file.num_slices or None)
    for x in found
    for file in x.files
  ]
  columns = zip(*rows, strict=True) if rows else [[]] * len(SCHEMA)
  return pa.table(list(map(list, columns)), schema=SCHEMA)


def _study(members: list[Entry]) -> Study:
  ids = [x.file_id for x in members]
  if members[0].kind == 'dicom':
    ids.sort()  # The order in which they were found says nothing.
  return Study(scan.digest(*(x.encode() for x in ids)), members)


def _read(
  file: input_file.InputFile, folder: pathlib.Path, key: bytes
) -> Entry | scan.Refused:
  path, kind = file.path, file_kind.kind(file)
  budget = budget_lib.Budget()
  if kind in ('gzip', 'deflated'):
    unpacked = archive.unpack_one(path, folder, kind=kind, budget=budget)
    file = file._replace(path=unpacked)
    kind = file_kind.kind(file)
  if isinstance(kind, scan.Refused):
    return kind
  num_slices, patient = 0, ('', '', '')
  # A volume and a zip archive are studies of their own.
  series = f'folder {file.folder}' if kind == 'image' else f'file {path}'
  if kind == 'dicom':
    headers, refused = dicom_header.read(file, budget)
    if not headers:
      return refused[0]
    num_slices = len(headers)
    series, patient = dicom_series.identity(file, headers[0])
  digests = [_digest(x, key) for x in (f'{kind} {series}', *patient)]
  return Entry(
    str(path),
    scan.digest(file.digest().encode()),
    kind,
    num_slices,
    dicom_series.Identity(digests[0], tuple(digests[1:])),
  )


def _digest(text: str, key: bytes) -> str:
  """Returns a digest of a text, and '' of an empty one."""
  content = text.encode(errors='surrogatepass')
  return text and hashlib.blake2b(content, key=key, digest_size=16).hexdigest()
