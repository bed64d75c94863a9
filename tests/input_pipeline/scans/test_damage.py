# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Damaged files: the right picture, or one clear line.

Bytes are flipped and ends are cut off in small drawn files of every format.
`BIT_COVID_DAMAGES` sets how many times for each format.
"""

import gzip
import io
import os
import re
import resource
import time
import warnings
import zipfile

import nibabel
import numpy as np
from PIL import Image
import pytest

from input_pipeline import scans

_DAMAGES = int(os.environ.get('BIT_COVID_DAMAGES', '16'))
_SECONDS = 10
_BYTES = 2 << 30
# No name of a Python type, no text of a codec or of C code.
_UNCLEAR = re.compile(
  r'\n|Error\b|Exception|Traceback|Warning|codec|0x[0-9a-f]|object|None\b|dtype'
)


def _nifti(hounsfield):
  data = np.stack([hounsfield] * 3)[::-1, ::-1, ::-1].transpose(2, 1, 0)
  image = nibabel.Nifti1Image(data, np.diag([0.7, 0.7, 2.5, 1]))
  image.set_sform(image.affine, code=1)
  return image.to_bytes()


def _png(gray, bits):
  buffer = io.BytesIO()
  pixels = gray if bits == 8 else gray.astype(np.uint16) * 257
  Image.fromarray(pixels).save(buffer, 'PNG')
  return buffer.getvalue()


def _jpeg(gray):
  buffer = io.BytesIO()
  Image.fromarray(gray).save(buffer, 'JPEG')
  return buffer.getvalue()


def _zip(content):
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as file:
    file.writestr('a.dcm', content)
  return buffer.getvalue()


@pytest.fixture
def content(request, tmp_path, chest, write_dicom, transcode, to_gray):
  kind = request.param
  hounsfield = chest(48)
  gray = to_gray(hounsfield)
  gray[0, :2] = 0, 255
  if kind in ('NIfTI', 'NIfTI gz'):
    content = _nifti(hounsfield)
    return gzip.compress(content) if kind == 'NIfTI gz' else content
  if kind.startswith('PNG'):
    return _png(gray, int(kind.split()[1]))
  if kind == 'JPEG':
    return _jpeg(gray)
  path = write_dicom(tmp_path / 'plain', hounsfield)
  if kind == 'zip':
    return _zip(path.read_bytes())
  return transcode(
    path, tmp_path / 'transcoded', _DICOM_KINDS[kind]
  ).read_bytes()


_DICOM_KINDS = {
  'explicit': 'ExplicitVRLittleEndian',
  'implicit': 'ImplicitVRLittleEndian',
  'deflated': 'DeflatedExplicitVRLittleEndian',
  'RLE': 'RLELossless',
  'JPEG lossless': 'JPEGLosslessProcess14_1',
  'JPEG-LS': 'JPEGLSLossless',
  'JPEG 2000': 'JPEG2000Lossless',
}
# Formats in which a sum over the content tells whether it is whole.
_CHECKED = ['PNG 8', 'PNG 16', 'NIfTI gz', 'zip']
_KINDS = [*_DICOM_KINDS, 'NIfTI', 'JPEG', *_CHECKED]
_SUFFIXES = {'NIfTI': '.nii', 'NIfTI gz': '.nii.gz', 'zip': '.zip'}


def _result(path):
  """Returns the gray values of all slices, and the reasons against others."""
  grays, reasons = [], []
  start = time.monotonic()
  with scans.find(path) as found:
    reasons += [each.reason for each in found.refused]
    for scan in found.scans:
      reasons += scan.notes
      for each in scan.slices:
        try:
          grays.append(each.read().gray)
        except scans.UnreadableError as error:
          reasons.append(error.reason)
  assert time.monotonic() - start < _SECONDS
  return grays, reasons


def _damaged(content, kind, seed):
  """Yields the content with a byte flipped, or with its end cut off."""
  generator = np.random.default_rng(seed)
  for number in range(_DAMAGES):
    place = int(generator.integers(len(content)))
    if number % 4 == 3:
      yield f'cut at {place}', content[:place]
      continue
    flipped = bytearray(content)
    flipped[place] ^= int(generator.integers(1, 256))
    yield f'byte {place} flipped', bytes(flipped)


@pytest.mark.parametrize(
  ('content', 'kind'), [(x, x) for x in _KINDS], indirect=['content']
)
def test_the_right_picture_or_one_clear_line(tmp_path, content, kind):
  folder = tmp_path / 'files'
  folder.mkdir()
  path = folder / f'a{_SUFFIXES.get(kind, "")}'
  path.write_bytes(content)
  right, _ = _result(path)
  assert right
  largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
  wrong = []
  for what, damaged in _damaged(content, kind, seed=len(content)):
    path.write_bytes(damaged)
    with warnings.catch_warnings():
      warnings.simplefilter('error')
      try:
        grays, found = _result(path)
      except Exception as error:  # Anything that comes out is a traceback.
        wrong.append(f'{what}: {type(error).__name__} {error}')
        continue
    wrong += [
      f'{what}: {x}' for x in found if _UNCLEAR.search(x) or not x.strip()
    ]
    is_whole = len(grays) == len(right) and all(
      map(np.array_equal, grays, right)
    )
    if not is_whole and not found and len(grays) != len(right):
      wrong.append(f'{what}: {len(right) - len(grays)} slices lost')
    if not is_whole and not found and kind in _CHECKED:
      wrong.append(f'{what}: another picture')
  assert not wrong, '\n'.join(wrong)
  grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - largest
  assert 1024 * grown < _BYTES
