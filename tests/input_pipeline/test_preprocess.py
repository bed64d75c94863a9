# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.preprocess."""

import io

import cv2
import numpy as np
from PIL import Image
import pytest
import tensorflow as tf

from input_pipeline import preprocess


def _weights(size, count, *, antialias):
  """Returns `[size, count]`: a tent around each centre, in float64."""
  centers = (np.arange(size) + 0.5) * count / size - 0.5
  width = max(1, count / size) if antialias else 1
  if not antialias:
    # What lies beyond the first and last centre is theirs.
    centers = np.clip(centers, 0, count - 1)
  tent = 1 - np.abs(np.arange(count) - centers[:, None]) / width
  tent = np.maximum(tent, 0)
  return tent / tent.sum(axis=1, keepdims=True)


def _resized(image, size, *, antialias):
  """Returns the resized `[H, W]` image in float64, without rounding."""
  rows, columns = (_weights(size, n, antialias=antialias) for n in image.shape)
  return rows @ image.astype(np.float64) @ columns.T


def test_reference_resize_is_that_of_opencv(noise):
  image = noise(37, 53)
  expected = cv2.resize(
    image.astype(np.float64), (24, 24), interpolation=cv2.INTER_LINEAR
  )
  np.testing.assert_allclose(
    _resized(image, 24, antialias=False), expected, atol=1e-6
  )


@pytest.mark.parametrize(('kind', 'tolerance'), [('PNG', 0), ('JPEG', 3)])
def test_decode_gives_one_channel(encode, kind, tolerance):
  image = np.add.outer(np.arange(24) * 3, np.arange(32) * 4).astype(np.uint8)
  decoded = preprocess.decode(encode(image, kind))
  assert decoded.shape == (24, 32)
  assert decoded.dtype == np.uint8
  np.testing.assert_allclose(
    decoded.astype(int), image.astype(int), rtol=0, atol=tolerance
  )


def test_a_jpeg_decodes_as_pillow_decodes_it(noise, encode):
  # TensorFlow's fast transform is off by up to 37 gray values on real slices.
  encoded = encode(noise(48, 64), 'JPEG', quality=60)
  expected = np.asarray(Image.open(io.BytesIO(encoded)))
  np.testing.assert_array_equal(preprocess.decode(encoded), expected)


def test_a_note_of_orientation_does_not_turn_the_slice(encode):
  image = np.zeros((24, 32), np.uint8)
  exif = Image.Exif()
  exif[0x0112] = 6  # A quarter turn.
  assert preprocess.decode(encode(image, 'JPEG', exif=exif)).shape == (24, 32)


@pytest.mark.parametrize('kind', ['PNG', 'JPEG'])
@pytest.mark.parametrize('share', [0, 0.5, 0.98])
def test_a_part_of_an_image_is_an_error(noise, encode, kind, share):
  encoded = encode(noise(200, 200), kind)
  part = encoded[: int(share * len(encoded))]
  with pytest.raises(ValueError, match=f'{len(part)} bytes that are no whole'):
    preprocess.decode(part)


@pytest.mark.parametrize(
  'box', [(0, 0, 53, 37), (3, 5, 20, 36), (52, 36, 53, 37)]
)
def test_crop_to_the_annotated_box(noise, box):
  image = noise(37, 53)
  cropped = preprocess.crop_to_box(
    image, np.array(box, np.int32), mode='annotated'
  )
  # Pillow's boxes are end exclusive, too.
  expected = np.asarray(Image.fromarray(image).crop(box))
  np.testing.assert_array_equal(cropped, expected)


def test_crop_to_no_box_is_the_whole_image(noise):
  image = noise(37, 53)
  cropped = preprocess.crop_to_box(
    image, np.array([3, 5, 20, 36], np.int32), mode='none'
  )
  np.testing.assert_array_equal(cropped, image)


def test_crop_to_the_automatic_box_is_the_body():
  image = np.zeros((96, 128), np.uint8)
  image[10:60, 20:70] = 200
  image[30, 40] = 7
  box = np.array([3, 5, 20, 36], np.int32)
  cropped = preprocess.crop_to_box(image, box, mode='automatic')
  # The body less 3 pixels a side: see test_body_crop.
  np.testing.assert_array_equal(cropped, image[13:57, 23:67])


def test_an_unknown_kind_of_box_is_an_error_that_lists_the_known_ones():
  with pytest.raises(
    ValueError, match="'tight'; expected one of annotated, automatic, none"
  ):
    preprocess.crop_to_box(
      np.zeros((4, 4), np.uint8), np.array([0, 0, 4, 4]), mode='tight'
    )


@pytest.mark.parametrize('antialias', [False, True])
@pytest.mark.parametrize(
  ('height', 'width', 'size'),
  [(37, 53, 24), (61, 40, 16), (20, 13, 48), (24, 24, 24), (7, 90, 30)],
)
def test_resize_is_bilinear_and_rounds_by_half_a_gray_value_at_most(
  noise, height, width, size, antialias
):
  image = noise(height, width)
  resized = preprocess.resize(image, size, antialias=antialias)
  assert resized.shape == (size, size)
  assert resized.dtype == np.uint8
  expected = _resized(image, size, antialias=antialias)
  # BiT keeps the fractions; float32 adds a little to the half.
  np.testing.assert_allclose(resized, expected, rtol=0, atol=0.501)


def test_resize_of_a_real_slice_is_that_of_tensorflow_but_for_rounding(
  real_data,
):
  sample = real_data / 'covidx_ct_sample'
  line = (sample / 'test_COVIDx_CT-3A.txt').read_text().splitlines()[0]
  name, _, *box = line.split()
  encoded = (sample / '3A_images' / name).read_bytes()
  image = preprocess.crop_to_box(
    preprocess.decode(encoded), np.array(box, np.int32), mode='annotated'
  )
  decoded = tf.io.decode_png(encoded, channels=1).numpy()[..., 0]
  np.testing.assert_array_equal(preprocess.decode(encoded), decoded)
  for size in (512, 480):
    expected = tf.image.resize(image[..., None], (size, size)).numpy()[..., 0]
    resized = preprocess.resize(image, size, antialias=False)
    np.testing.assert_allclose(resized, expected, rtol=0, atol=0.51)
    # Measured over 109 slices: 0.04 %.
    assert np.mean(resized != np.rint(expected)) < 2e-3


def test_resize_with_antialias_is_that_of_pillow(noise):
  image = noise(61, 40)
  resized = preprocess.resize(image, 16, antialias=True)
  expected = Image.fromarray(image).resize((16, 16), Image.Resampling.BILINEAR)
  # Pillow rounds once more, between the two directions.
  np.testing.assert_allclose(
    resized.astype(int), np.asarray(expected, int), rtol=0, atol=1
  )


def test_shrinking_without_antialias_skips_pixels():
  # Lines of one pixel: the filter sees all of them, the other every fourth.
  image = np.zeros((64, 64), np.uint8)
  image[::4] = 200
  filtered = preprocess.resize(image, 16, antialias=True)
  skipped = preprocess.resize(image, 16, antialias=False)
  assert (abs(filtered[2:-2].astype(int) - 50) <= 15).all()
  assert (skipped == 0).all()


def test_crop_and_resize_at_test_time(noise, encode):
  image, box = noise(60, 80), (7, 11, 66, 50)
  decoded = preprocess.decode(encode(image))
  cropped = preprocess.crop_to_box(decoded, np.array(box), mode='annotated')
  result = preprocess.resize(cropped, 24, antialias=False)
  xmin, ymin, xmax, ymax = box
  expected = _resized(image[ymin:ymax, xmin:xmax], 24, antialias=False)
  np.testing.assert_allclose(result, expected, rtol=0, atol=0.501)


@pytest.mark.parametrize('mode', ['annotated', 'automatic', 'none'])
@pytest.mark.parametrize('box', [None, (3, 5, 60, 70)])
def test_prepare_crops_as_the_mode_says(mode, box):
  image = np.zeros((96, 128), np.uint8)
  image[10:60, 20:70] = 200
  # The body less 3 pixels a side: see test_body_crop.
  cropped = {
    'annotated': image if box is None else image[5:70, 3:60],
    'automatic': image[13:57, 23:67],
    'none': image,
  }[mode]
  result = preprocess.prepare(image, box, 24, antialias=False, mode=mode)
  assert (result.shape, result.dtype) == ((24, 24, 1), np.uint8)
  expected = _resized(cropped, 24, antialias=False)
  np.testing.assert_allclose(result[..., 0], expected, rtol=0, atol=0.501)


# Every pixel of it has another value: row * 16 + column.
_CODED = np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.mark.parametrize('flip', [False, True])
@pytest.mark.parametrize(('top', 'left'), [(0, 0), (3, 1), (3, 3)])
def test_crop_at_a_place(top, left, flip):
  part = preprocess.crop_at(_CODED, top=top, left=left, crop=13, flip=flip)
  expected = _CODED[top : top + 13, left : left + 13]
  np.testing.assert_array_equal(part, expected[:, ::-1] if flip else expected)


def test_opencv_starts_no_threads_of_its_own():
  assert cv2.getNumThreads() == 1
