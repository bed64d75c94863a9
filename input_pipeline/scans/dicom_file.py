# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Reads DICOM files with pydicom, without its warnings and within limits."""

from collections.abc import Iterator
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
# The largest size in bytes to which a deflated file may inflate.
_MAX_INFLATED = limits.FILE_BYTES // 8
# Transfer syntaxes by (is implicit, is little-endian), for files without one.
_SYNTAXES = {
  (True, True): pydicom.uid.ImplicitVRLittleEndian,
  (False, True): pydicom.uid.ExplicitVRLittleEndian,
  (False, False): pydicom.uid.ExplicitVRBigEndian,
}


class DamagedError(ValueError):
  """The file is damaged or unsafe. The message quotes nothing of it."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
  """Silences pydicom's warnings while in a `with` block.

  Anonymized files have ids and dates that break the rules of DICOM. Nothing
  here depends on these values.
  """
  with warnings.catch_warnings():
    warnings.filterwarnings('ignore', module=r'pydicom\.')
    yield


def read(path: pathlib.Path, *, with_pixels: bool) -> pydicom.Dataset:
  """Returns the data set of a file, with or without its pixels.

  Raises:
    DamagedError: the file inflates to more than the limit. Other errors are
      pydicom's.
  """
  _check_deflated(path)
  dataset = pydicom.dcmread(
    path, stop_before_pixels=not with_pixels, force=True
  )
  if syntax(dataset) is None:
    dataset.file_meta.TransferSyntaxUID = _SYNTAXES[dataset.original_encoding]
  return dataset


def syntax(dataset: pydicom.Dataset) -> pydicom.uid.UID | None:
  """Returns how the pixels are encoded; None if the file does not say so."""
  return dataset.file_meta.get('TransferSyntaxUID')


def pixels(path: pathlib.Path, index: int) -> np.ndarray:
  """Returns the stored values of a frame, `[H, W]`.

  Args:
    path: the file.
    index: index of the frame.

  Raises:
    ValueError: the pixels are compressed and damaged. Other errors are
      pydicom's.
  """
  try:
    meta = pydicom.filereader.read_file_meta_info(path)
    encoding = meta.get('TransferSyntaxUID')
  except pydicom.errors.InvalidDicomError:
    encoding = None  # The file has no preamble.
  if encoding in (None, _DEFLATED):
    whole = read(path, with_pixels=True)
    return pydicom.pixels.pixel_array(whole, index=index, raw=True)
  if encoding.is_compressed:
    return decoder.decode(path, index)
  # Given a path, pydicom reads only this frame.
  return pydicom.pixels.pixel_array(path, index=index, raw=True)


def _check_deflated(path: pathlib.Path) -> None:
  """Raises DamagedError for a file that inflates to more than the limit.

  pydicom inflates the whole file at once, whatever its size.
  """
  try:
    meta = pydicom.filereader.read_file_meta_info(path)
  except pydicom.errors.InvalidDicomError:
    return  # A file without a preamble is not deflated.
  if meta.get('TransferSyntaxUID') != _DEFLATED:
    return
  with path.open('rb') as file:
    # Skips the preamble, 'DICM', the element with the length of group 2, and
    # the rest of that group.
    file.seek(128 + 4 + 12 + meta.FileMetaInformationGroupLength)
    inflater, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    while chunk := inflater.unconsumed_tail or file.read(1 << 16):
      size += len(inflater.decompress(chunk, 1 << 22))
      if size > _MAX_INFLATED:
        raise DamagedError(
          f'an unsafe DICOM file: it inflates to more than {size:,} bytes'
        )
