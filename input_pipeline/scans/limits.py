# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The largest inputs that are read; anything larger is refused.

The limits are far above what scans need. A file whose header claims more is
damaged, or was made to fill the memory of a machine.
"""

# Pixels per slice. CT has 512 x 512, sometimes 1024 x 1024.
SLICE_PIXELS = 4096 * 4096
# Slices per file. A scan has 50 to 1,500.
FRAMES = 20_000
# Bytes of one file, and of everything that is unpacked from archives.
FILE_BYTES = 4 << 30
ARCHIVE_BYTES = 16 << 30
# Files in an archive, including those of archives in it.
ARCHIVE_FILES = 50_000
# How deep archives may be nested.
ARCHIVE_DEPTH = 3
# Unpacked bytes per packed byte, and the unpacked size from which this is
# checked. Raw CT has a ratio of 2 to 4, but a mask of mostly zeros can have
# hundreds.
ARCHIVE_RATIO = 500
ARCHIVE_FREE_BYTES = 256 << 20


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
