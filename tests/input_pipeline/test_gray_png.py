# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.gray_png."""

import io

import cv2
import numpy as np
from PIL import Image
import pytest

from input_pipeline import gray_png
from input_pipeline import preprocess


def _opencv(encoded):
  return cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE)


# 300 x 301 pixels need two blocks.
@pytest.mark.parametrize('shape', [(1, 1), (3, 5), (255, 256), (300, 301)])
@pytest.mark.parametrize('level', [0, 1, 9])
def test_the_pixels_are_the_same_and_stored_as_they_are(
  noise, encode, shape, level
):
  image = noise(*shape)
  inflated = gray_png.inflated(encode(image, compress_level=level))
  # Pillow checks all checksums.
  with Image.open(io.BytesIO(inflated)) as opened:
    opened.verify()
  np.testing.assert_array_equal(Image.open(io.BytesIO(inflated)), image)
  np.testing.assert_array_equal(_opencv(inflated), image)
  assert len(inflated) > image.size


def test_what_stands_between_the_pixels_is_left_out(noise, encode):
  image = noise(9, 7)
  encoded = encode(image, transparency=3, dpi=(10, 10))
  assert b'tRNS' in encoded
  inflated = gray_png.inflated(encoded)
  assert b'tRNS' not in inflated
  np.testing.assert_array_equal(_opencv(inflated), _opencv(encoded))


@pytest.mark.parametrize('mode', ['1', 'P', 'LA', 'RGB', 'RGBA', 'I;16'])
def test_other_kinds_of_png_come_back_unchanged(mode):
  buffer = io.BytesIO()
  Image.new(mode, (8, 8)).save(buffer, 'PNG')
  assert gray_png.inflated(buffer.getvalue()) == buffer.getvalue()


@pytest.mark.parametrize('encoded', [b'', b'no image', b'\x89PNG\r\n\x1a\n'])
def test_what_is_no_png_comes_back_unchanged(encoded):
  assert gray_png.inflated(encoded) == encoded


def test_a_bit_that_is_wrong_among_the_pixels_is_noticed(noise, encode):
  encoded = encode(noise(24, 24))
  start, end = encoded.index(b'IDAT') + 4, encoded.index(b'IEND') - 8
  for place in range(start, end):
    spoilt = bytearray(encoded)
    spoilt[place] ^= 4
    with pytest.raises(ValueError, match='no whole PNG'):
      preprocess.decode(bytes(spoilt))


def test_real_slices_decode_to_the_pixels_that_opencv_finds(real_data):
  paths = sorted((real_data / 'covidx_ct_sample' / '3A_images').iterdir())
  for path in paths[::25]:
    encoded = path.read_bytes()
    assert gray_png.inflated(encoded) != encoded
    np.testing.assert_array_equal(
      preprocess.decode(encoded), cv2.imread(path, cv2.IMREAD_GRAYSCALE)
    )
