# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""DICOM files as pydicom reads them: quietly, and not beyond measure."""

import contextlib
import pathlib
import warnings
import zlib

import numpy as np
import pydicom
import pydicom.pixels
import pydicom.uid

from input_pipeline.scans import decoder
from input_pipeline.scans import limits

_DEFLATED = pydicom.uid.DeflatedExplicitVRLittleEndian
# Of an inflated header and the pixels of one file.
_MOST_INFLATED = limits.FILE_BYTES // 8
# By (is implicit, is little-endian), of files that do not say it.
_SYNTAXES = {
  (True, True): pydicom.uid.ImplicitVRLittleEndian,
  (False, True): pydicom.uid.ExplicitVRLittleEndian,
  (False, False): pydicom.uid.ExplicitVRBigEndian,
}


class DamagedError(ValueError):
  """A file that is damaged or unsafe, in words that quote nothing of it."""


@contextlib.contextmanager
def quiet():
  """Keeps pydicom from warning of values that nothing here depends on.

  Anonymizers leave ids and dates that break the rules for such values.
  """
  with warnings.catch_warnings():
    warnings.filterwarnings('ignore', module=r'pydicom\.')
    yield


def read(path: pathlib.Path, *, with_pixels: bool) -> pydicom.Dataset:
  """Returns the file as a whole, or all but its pixels.

  Raises:
    DamagedError: it inflates beyond measure. Other errors are pydicom's.
  """
  _check_deflated(path)
  dataset = pydicom.dcmread(
    path, stop_before_pixels=not with_pixels, force=True
  )
  if syntax(dataset) is None:
    dataset.file_meta.TransferSyntaxUID = _SYNTAXES[dataset.original_encoding]
  return dataset


def syntax(dataset: pydicom.Dataset) -> pydicom.uid.UID | None:
  """Returns how its pixels are packed; None where it does not say so."""
  return dataset.file_meta.get('TransferSyntaxUID')


def pixels(path: pathlib.Path, index: int) -> np.ndarray:
  """Returns the stored values of a frame, `[H, W]`.

  Raises:
    ValueError: the pixels are packed and damaged. Other errors are pydicom's.
  """
  try:
    meta = pydicom.filereader.read_file_meta_info(path)
    packing = meta.get('TransferSyntaxUID')
  except pydicom.errors.InvalidDicomError:
    packing = None  # Without the preamble.
  if packing in (None, _DEFLATED):
    whole = read(path, with_pixels=True)
    return pydicom.pixels.pixel_array(whole, index=index, raw=True)
  if packing.is_compressed:
    return decoder.decode(path, index)
  # By its path only the frame is read.
  return pydicom.pixels.pixel_array(path, index=index, raw=True)


def _check_deflated(path: pathlib.Path) -> None:
  """Raises DamagedError for a file that inflates beyond measure.

  pydicom inflates the whole file at once.
  """
  try:
    meta = pydicom.filereader.read_file_meta_info(path)
  except pydicom.errors.InvalidDicomError:
    return  # Without the preamble, and so not deflated.
  if meta.get('TransferSyntaxUID') != _DEFLATED:
    return
  with path.open('rb') as file:
    # Preamble, mark, the element with the group's length, the rest of it.
    file.seek(128 + 4 + 12 + meta.FileMetaInformationGroupLength)
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while chunk := inflater.unconsumed_tail or file.read(1 << 16):
      size += len(inflater.decompress(chunk, 1 << 22))
      if size > _MOST_INFLATED:
        raise DamagedError(
          f'an unsafe DICOM file: it inflates to more than {size:,} bytes'
        )
