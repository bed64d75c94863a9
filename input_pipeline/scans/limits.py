# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The largest inputs that are read; anything larger is refused.

The limits are far above what scans need. A file whose header claims more is
damaged, or was made to fill the memory of a machine.
"""

from input_pipeline import gray_png

# Pixels per slice. CT has 512 x 512, sometimes 1024 x 1024.
SLICE_PIXELS = gray_png.MAX_PIXELS
# Slices per file. A scan has 50 to 1,500.
FRAMES = 20_000
# Slices of all DICOM and NIfTI files of a call. The header of each is kept, in
# some 2 kB.
SLICES = 500_000
# Bytes of one file, and of everything that is unpacked in a call.
FILE_BYTES = 4 << 30
ARCHIVE_BYTES = 16 << 30
# Bytes of one PNG or JPEG, twice those of its pixels at 8 bytes each.
IMAGE_BYTES = 256 << 20
# Bytes of a DICOM file before its pixels. Each frame of a file with several
# needs some 2 kB. A parsed header takes up to 100 times its size.
HEADER_BYTES = 16 << 20
# Files in an archive, including those of archives in it, and the bytes of its
# directory.
ARCHIVE_FILES = 50_000
DIRECTORY_BYTES = 16 << 20
# How deep archives may be nested.
ARCHIVE_DEPTH = 3
# Unpacked bytes per packed byte, with those of archives in an archive, and the
# unpacked size from which this is checked. Raw CT has a ratio of 2 to 4, but a
# mask of mostly zeros can have hundreds.
ARCHIVE_RATIO = 500
ARCHIVE_FREE_BYTES = 256 << 20
# Memory that a packed file may ask for, to remember what it repeats.
DICTIONARY_BYTES = 256 << 20
# Seconds of processor time to decode a slice, and how many the slices of a call
# may take beyond one second each. A slice takes a hundredth of a second.
DECODING_SECONDS = 5.0
CALL_SECONDS = 60.0
# Memory of the process that decodes, beyond what it has when it starts.
DECODER_BYTES = 2 << 30
# Numbers in headers, such as positions in mm. Products of these are finite.
NUMBER = 1e12


def size_problem(rows: int, columns: int, frames: int = 1) -> str | None:
  """Returns why a size cannot be that of a scan, or None if it can."""
  if rows < 1 or columns < 1 or frames < 1:
    return f'its header declares {frames} slices of {rows} x {columns} pixels'
  if rows * columns > SLICE_PIXELS or frames > FRAMES:
    return (
      f'its header declares {frames} slices of {rows} x {columns} pixels; at '
      f'most {FRAMES} slices of {SLICE_PIXELS:,} pixels are read'
    )
  return None
