# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""DICOM files whose data set is deflated, as files of the plain syntax.

They are inflated once, before anything of them is read, and not for each of
their slices.
"""

from collections.abc import Iterator
import pathlib
import zlib

import pydicom.uid

from input_pipeline.scans import limits
from input_pipeline.scans import zip_member

_SYNTAX = pydicom.uid.DeflatedExplicitVRLittleEndian.encode()
_PLAIN = pydicom.uid.ExplicitVRLittleEndian.encode().ljust(len(_SYNTAX), b'\0')
# The element of a deflated file that says so, which is in its first bytes.
_SAYS_SO = b'\2\0\x10\0UI\x16\0'
HEAD_BYTES = 4096
# A piece of a file: deflated zeros are a thousandth of their size.
_PIECE = 1 << 16


def is_deflated(head: bytes) -> bool:
  """Returns whether a DICOM file is deflated, by its first `HEAD_BYTES`."""
  return _SAYS_SO + _SYNTAX in head


def chunks(path: pathlib.Path) -> Iterator[bytes]:
  """Yields the file as it would be without compression.

  Raises:
    EOFError: the end is missing.
    zlib.error: it is damaged.
  """
  with path.open('rb') as file:
    head = file.read(HEAD_BYTES)
    start = 132 if head[128:132] == b'DICM' else 0
    # The first element of group 2 is the length of its other elements.
    end = start + 12 + int.from_bytes(head[start + 8 : start + 12], 'little')
    if end > limits.HEADER_BYTES:
      raise EOFError
    file.seek(0)
    yield file.read(end).replace(_SAYS_SO + _SYNTAX, _SAYS_SO + _PLAIN)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    while not inflater.eof:
      packed = inflater.unconsumed_tail or file.read(_PIECE)
      chunk = inflater.decompress(packed, zip_member.CHUNK)
      if not (packed or chunk):
        raise EOFError
      yield chunk
