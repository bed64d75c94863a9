# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Decompresses PNGs with Intel's igzip, so that OpenCV need not.

More than half of the time that OpenCV takes to decode a slice is spent in zlib,
and igzip is three times as fast (on any x86 or ARM processor). So the pixels
are decompressed here, and OpenCV gets a PNG of the same pixels without
compression.
"""

import struct

from isal import isal_zlib

# As many as a slice of a scan may have; CT has 512 x 512 or 1024 x 1024. A
# header that claims more is damaged, or made to fill the memory of a machine.
MAX_PIXELS = 4096 * 4096

_BEGIN = b'\x89PNG\r\n\x1a\n\0\0\0\rIHDR'
_END = b'\0\0\0\0IEND\xaeB`\x82'
# Bytes of the largest block that deflate can store without compression.
_BLOCK = 65_535


def size_problem(encoded: bytes) -> str | None:
  """Returns why a PNG of the declared size is not read; None if it can be."""
  if not encoded.startswith(_BEGIN) or len(encoded) < 24:
    return None
  width, height = struct.unpack('>II', encoded[16:24])
  if 0 < width * height <= MAX_PIXELS:
    return None
  return (
    f'its header declares {width} x {height} pixels; expected 1 to '
    f'{MAX_PIXELS:,} pixels'
  )


def inflated(encoded: bytes) -> bytes:
  """Returns a PNG of the same pixels without compression.

  Only whole 8-bit gray PNGs are changed. Anything else is returned as it is,
  for OpenCV to decode or to refuse.
  """
  if not encoded.startswith(_BEGIN) or len(encoded) < 33:
    return encoded
  width, height, *form = struct.unpack('>IIBBBBB', encoded[16:29])
  # 8 bits, gray, deflate, adaptive filters, not interlaced.
  if form != [8, 0, 0, 0, 0]:
    return encoded
  deflated = _pixel_chunks(encoded)
  size = height * (1 + width)
  decompressor = isal_zlib.decompressobj()
  try:
    rows = decompressor.decompress(deflated, size)
  except isal_zlib.error:
    return encoded
  # `eof` is only set if the checksum of the pixels is right.
  if len(rows) != size or not decompressor.eof:
    return encoded
  stored = b''.join([b'\x78\x01', *_stored_blocks(rows), deflated[-4:]])
  checksum = isal_zlib.crc32(stored, isal_zlib.crc32(b'IDAT'))
  chunk = struct.pack('>I', len(stored)) + b'IDAT' + stored
  return encoded[:33] + chunk + struct.pack('>I', checksum) + _END


def _pixel_chunks(encoded: bytes) -> bytes:
  view = memoryview(encoded)
  parts = []
  at = 33  # After the first chunk, the header.
  while at + 12 <= len(encoded):
    length, kind = struct.unpack_from('>I4s', encoded, at)
    if kind == b'IDAT':
      parts.append(view[at + 8 : at + 8 + length])
    at += 12 + length
  return b''.join(parts)


def _stored_blocks(rows: bytes) -> list[bytes | memoryview]:
  # A deflate stream that stores the bytes: a header before each block.
  view = memoryview(rows)
  parts = []
  for start in range(0, len(rows), _BLOCK):
    block = view[start : start + _BLOCK]
    is_last = start + _BLOCK >= len(rows)
    header = struct.pack('<BHH', is_last, len(block), len(block) ^ 0xFFFF)
    parts += [header, block]
  return parts
