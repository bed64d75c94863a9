# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Small scans that are damaged, or made to do harm."""

import io
import random
import zipfile

import numpy as np
from PIL import Image
import pydicom.uid

from tests.trials.frame import small_files


def dicom(**tags: object) -> bytes:
  """Returns a slice of a chest, which the page can score."""
  y, x = np.mgrid[:64, :64] / 64 - 0.5
  values = np.where(np.hypot(x, y) < 0.45, 1064, 24)
  values[np.hypot(np.abs(x) - 0.2, y) < 0.15] = 174
  return small_files.dicom(
    values.astype(np.uint16),
    SOPInstanceUID=pydicom.uid.generate_uid(),
    **tags,
  )


def draw_files(draw: random.Random) -> list[bytes]:
  """Returns the files of a scan, of which something is wrong."""
  return draw.choice(
    (_odd_positions, _encrypted, _other_methods, _damaged, _damaged)
  )(draw)


def _odd_positions(draw: random.Random) -> list[bytes]:
  # With the same length, since the value is replaced in the file.
  odd = draw.choice(
    (b'1.7e308', b'-1e+308', b'NaN    ', b'inf    ', b'1e-320 ')
  )
  content = [
    dicom(ImagePositionPatient=['0', '0', f'1000.0{i}']) for i in range(4)
  ]
  return [content[0], content[1].replace(b'1000.01', odd), *content[2:]]


def _encrypted(draw: random.Random) -> list[bytes]:
  content = bytearray(_zip(zipfile.ZIP_DEFLATED))
  for mark, place in ((b'PK\3\4', 6), (b'PK\1\2', 8)):
    content[content.index(mark) + place] |= 1
  return [bytes(content)]


def _other_methods(draw: random.Random) -> list[bytes]:
  content = bytearray(_zip(draw.choice((zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2))))
  for _ in range(draw.randrange(3)):
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
  return [bytes(content)]


def _damaged(draw: random.Random) -> list[bytes]:
  picture = io.BytesIO()
  Image.new('L', (64, 64), 99).save(picture, 'PNG')
  whole = [dicom(), _zip(zipfile.ZIP_DEFLATED), picture.getvalue()]
  content = bytearray(draw.choice(whole))
  for _ in range(draw.randrange(1, 9)):
    content[draw.randrange(len(content))] = draw.randrange(256)
  return [bytes(content[: draw.choice((None, len(content) // 2))])]


def _zip(method: int) -> bytes:
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, 'w', method) as file:
    file.writestr('a\x1b[2K/1.dcm', dicom())
  return buffer.getvalue()
