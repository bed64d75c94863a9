# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The pixels of a DICOM slice as Hounsfield units and as gray values."""

import functools

import numpy as np

from input_pipeline.scans import decoder
from input_pipeline.scans import dicom_file
from input_pipeline.scans import dicom_header
from input_pipeline.scans import dicom_values
from input_pipeline.scans import orientation
from input_pipeline.scans import scan
from input_pipeline.scans import window as window_lib

# MONOCHROME1 values were inverted if more of them are denser than the first of
# these values than airier than the second, and at least this share of all: in a
# body, only bone is as dense.
_DENSE, _AIRY, _SHARE = 400.0, -400.0, 0.2


def read(
  header: dicom_header.Header, name: str, window: tuple[float, float]
) -> scan.Pixels:
  """Returns a slice under a window, with the patient's front up.

  Args:
    header: the header of the slice.
    name: name of the slice for the error message.
    window: center and width in Hounsfield units.

  Raises:
    scan.UnreadableError: the pixels are damaged, or encoded in a way that is
      not read.
  """
  stored, is_turned = _stored(header, name)
  if stored.dtype.itemsize <= 2:
    table = _table(stored.dtype.str, header.values, is_turned, window)
    gray = table[stored]
  else:
    gray = window_lib.to_gray(
      _hounsfield(stored, header.values, is_turned), window
    )
  if header.pixel_size is not None:
    gray = orientation.with_square_pixels(gray, *header.pixel_size)
  if header.orientation is not None:
    gray = orientation.upright(gray, np.array(header.orientation))
  return scan.Pixels(gray)


def hounsfield(header: dicom_header.Header) -> np.ndarray:
  """Returns a slice in Hounsfield units as it lies in the file.

  Padding is NaN. It raises the errors of `read`.
  """
  stored, is_turned = _stored(header, '')
  return _hounsfield(stored, header.values, is_turned)


def _stored(header: dicom_header.Header, name: str) -> tuple[np.ndarray, bool]:
  # Returns the bits of pixels as unsigned numbers, and if they are inverted.
  try:
    with dicom_file.quiet():
      stored = dicom_file.frame(header.pixels, header.index)
    if stored.ndim != 2:
      raise ValueError(stored.shape)
  except (dicom_file.NotReadError, decoder.TooSlowError) as error:
    raise scan.UnreadableError(name, str(error)) from error
  # As in `dicom_header.read`, anything can be raised.
  except Exception as error:
    raise scan.UnreadableError(
      name,
      'its pixels are damaged: they cannot be unpacked '
      f'({header.pixels.syntax.name}); export the file again',
    ) from error
  # Big-endian files give big-endian arrays.
  stored = stored.astype(stored.dtype.newbyteorder('='), copy=False)
  stored = stored.view(f'u{stored.dtype.itemsize}')
  if not header.values.is_inverted:
    return stored, False
  # MONOCHROME1 says how a slice is shown and not what its values mean, so they
  # normally rescale to Hounsfield units unchanged. Some programs inverted the
  # values as well: then air is denser than bone.
  values = _hounsfield(stored, header.values, is_turned=False)
  values = values[np.isfinite(values)]
  dense, airy = (values > _DENSE).sum(), (values < _AIRY).sum()
  return stored, bool(dense > max(airy, _SHARE * values.size))


@functools.lru_cache(maxsize=16)
def _table(
  dtype: str,
  values: dicom_values.Values,
  is_turned: bool,
  window: tuple[float, float],
) -> np.ndarray:
  """Returns the gray value of each pattern of 8 or 16 bits.

  Looking them up takes a tenth of the time of computing them.
  """
  patterns = np.arange(256 ** np.dtype(dtype).itemsize, dtype=dtype)
  return window_lib.to_gray(_hounsfield(patterns, values, is_turned), window)


def _hounsfield(
  patterns: np.ndarray, values: dicom_values.Values, is_turned: bool
) -> np.ndarray:
  """Returns the Hounsfield units of patterns of bits; NaN for padding."""
  kind = 'i' if values.is_signed else 'u'
  stored = patterns.view(f'{kind}{patterns.dtype.itemsize}')
  # Bits that are not used may hold anything, such as an overlay.
  unused = 8 * patterns.dtype.itemsize - values.bits
  used = np.right_shift(np.left_shift(stored, unused), unused)
  numbers = used.astype(np.float64)
  if is_turned:
    numbers = (-1 if values.is_signed else 2**values.bits - 1) - numbers
  result = numbers * values.slope + values.intercept
  if values.padding is not None:
    low, high = values.padding
    for bits in (stored, used):
      result[(bits >= low) & (bits <= high)] = np.nan
  return result
