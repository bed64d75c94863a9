# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How much an input may ask for before it is refused.

Far more than scans need. A file that says it is larger is damaged, or was made
to fill a machine's memory.
"""

# Pixels of a slice; CT has 512 x 512, some 1024 x 1024.
SLICE_PIXELS = 4096 * 4096
# Slices of a file; a scan has 50 to 1,500.
FRAMES = 20_000
# Bytes of one file as it is read, and of all that one archive unpacks to.
FILE_BYTES = 4 << 30
ARCHIVE_BYTES = 16 << 30
# Files in an archive, with those of archives within.
ARCHIVE_FILES = 50_000
# Archives within archives.
ARCHIVE_DEPTH = 3
# Unpacked bytes for each packed one, for what is not small. Raw CT has 2 to 4;
# a mask that is nearly all zeros may have hundreds, hence not less.
ARCHIVE_RATIO = 500
ARCHIVE_FREE_BYTES = 256 << 20


def size_problem(rows: int, columns: int, frames: int = 1) -> str | None:
  """Returns what is wrong with a size; None if it is one of a scan."""
  if rows < 1 or columns < 1 or frames < 1:
    return f'it says that it has {frames} slices of {rows} x {columns} pixels'
  if rows * columns > SLICE_PIXELS or frames > FRAMES:
    return (
      f'it says that it has {frames} slices of {rows} x {columns} pixels; at '
      f'most {FRAMES} of {SLICE_PIXELS:,} pixels are read'
    )
  return None
