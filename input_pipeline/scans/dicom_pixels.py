# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The pixels of a DICOM slice as gray values."""

import pathlib

import numpy as np

from input_pipeline.scans import dicom_file
from input_pipeline.scans import dicom_header
from input_pipeline.scans import orientation
from input_pipeline.scans import scan
from input_pipeline.scans import window as window_lib


def read(
  path: pathlib.Path,
  name: str,
  header: dicom_header.Header,
  index: int,
  window: tuple[float, float],
) -> scan.Pixels:
  """Returns a slice under a window, with the patient's front up.

  Args:
    path: the file.
    name: name of the slice for the error message.
    header: the header of the file.
    index: index of the frame.
    window: center and width in Hounsfield units.

  Raises:
    scan.UnreadableError: the pixels are damaged, or encoded in a way that is
      not supported.
  """
  frame = header.frames[index]
  try:
    with dicom_file.quiet():
      stored = dicom_file.pixels(path, index)
    if stored.ndim != 2:
      raise ValueError(f'its pixels are {stored.shape}')
  # As in `dicom_header.read`, anything can be raised.
  except Exception as error:
    raise scan.UnreadableError(
      name,
      'its pixels are damaged, or packed in a way that is not read '
      f'({type(error).__name__})',
    ) from error
  if header.is_inverted:
    stored = _undo_inversion(stored, header, frame)
  gray = window_lib.stored_to_gray(
    stored, slope=frame.slope, intercept=frame.intercept, window=window
  )
  if frame.orientation is not None:
    gray = orientation.upright(gray, np.array(frame.orientation))
  return scan.Pixels(gray)


def _undo_inversion(
  stored: np.ndarray, header: dicom_header.Header, frame: dicom_header.Frame
) -> np.ndarray:
  """Returns MONOCHROME1 values that rescale to Hounsfield units.

  In DICOM, MONOCHROME1 says how a slice is shown and not what its values mean,
  so they normally rescale to Hounsfield units unchanged. Some programs inverted
  the values as well. The air at the margin then seems denser than water, and
  the inversion is undone here.
  """
  margin = np.concatenate(
    [stored[0], stored[-1], stored[:, 0], stored[:, -1]]
  ).astype(np.float64)
  if np.median(margin) * frame.slope + frame.intercept <= 0:
    return stored
  total = -1 if header.is_signed else 2**header.bits - 1
  return (total - stored.astype(np.int64)).astype(stored.dtype)
