# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.preprocess."""

import collections

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


def _in_tf_data(op, *inputs):
  dataset = tf.data.Dataset.from_tensors(inputs).map(op)
  return next(dataset.as_numpy_iterator())


def _run_both(op, *inputs):
  """Runs eagerly and inside tf.data, which must agree; returns an array."""
  eager = op(*map(tf.constant, inputs)).numpy()
  graph = _in_tf_data(op, *inputs)
  assert eager.dtype == graph.dtype
  np.testing.assert_array_equal(eager, graph)
  return eager


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
  decoded = _run_both(preprocess.decode, encode(image, kind))
  assert decoded.shape == (24, 32, 1)
  assert decoded.dtype == np.uint8
  np.testing.assert_allclose(
    decoded[..., 0], image.astype(int), rtol=0, atol=tolerance
  )


@pytest.mark.parametrize(
  'box', [(0, 0, 53, 37), (3, 5, 20, 36), (52, 36, 53, 37)]
)
def test_crop_to_the_annotated_box(noise, box):
  image = noise(37, 53)
  cropped = _run_both(
    lambda x, b: preprocess.crop_to_box(x, b, mode='annotated'),
    image[..., None],
    np.array(box, np.int32),
  )
  # Pillow's boxes are end exclusive, too.
  expected = np.asarray(Image.fromarray(image).crop(box))
  np.testing.assert_array_equal(cropped[..., 0], expected)


def test_crop_to_no_box_is_the_whole_image(noise):
  image = noise(37, 53)[..., None]
  cropped = _run_both(
    lambda x, b: preprocess.crop_to_box(x, b, mode='none'),
    image,
    np.array([3, 5, 20, 36], np.int32),
  )
  np.testing.assert_array_equal(cropped, image)


def test_crop_to_the_automatic_box_is_the_body():
  image = np.zeros((96, 128, 1), np.uint8)
  image[10:60, 20:70] = 200
  image[30, 40] = 7
  box = np.array([3, 5, 20, 36], np.int32)
  cropped = _run_both(
    lambda x, b: preprocess.crop_to_box(x, b, mode='automatic'), image, box
  )
  # The body less 3 pixels a side: see test_body_crop.
  np.testing.assert_array_equal(cropped, image[13:57, 23:67])


def test_an_unknown_kind_of_box_is_an_error_that_lists_the_known_ones():
  with pytest.raises(
    ValueError, match="'tight'; expected one of annotated, automatic, none"
  ):
    preprocess.crop_to_box(
      tf.zeros((4, 4, 1), tf.uint8), tf.constant([0, 0, 4, 4]), mode='tight'
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
  resized = _run_both(
    lambda x: preprocess.resize(x, size, antialias=antialias), image[..., None]
  )
  assert resized.shape == (size, size, 1)
  assert resized.dtype == np.uint8
  expected = _resized(image, size, antialias=antialias)
  # BiT keeps the fractions; float32 adds a little to the half.
  np.testing.assert_allclose(resized[..., 0], expected, rtol=0, atol=0.501)


def test_resize_with_antialias_is_that_of_pillow(noise):
  image = noise(61, 40)
  resized = preprocess.resize(image[..., None], 16, antialias=True).numpy()
  expected = Image.fromarray(image).resize((16, 16), Image.Resampling.BILINEAR)
  # Pillow rounds once more, between the two directions.
  np.testing.assert_allclose(
    resized[..., 0].astype(int), np.asarray(expected, int), rtol=0, atol=1
  )


def test_shrinking_without_antialias_skips_pixels():
  # Lines of one pixel: the filter sees all of them, the other every fourth.
  image = np.zeros((64, 64, 1), np.uint8)
  image[::4] = 200
  filtered = preprocess.resize(image, 16, antialias=True).numpy()
  skipped = preprocess.resize(image, 16, antialias=False).numpy()
  assert (abs(filtered[2:-2].astype(int) - 50) <= 15).all()
  assert (skipped == 0).all()


def test_crop_and_resize_at_test_time(noise, encode):
  image, box = noise(60, 80), (7, 11, 66, 50)

  def pipeline(encoded, box):
    decoded = preprocess.decode(encoded)
    cropped = preprocess.crop_to_box(decoded, box, mode='annotated')
    return preprocess.resize(cropped, 24, antialias=False)

  result = _run_both(pipeline, encode(image), np.array(box, np.int32))
  xmin, ymin, xmax, ymax = box
  expected = _resized(image[ymin:ymax, xmin:xmax], 24, antialias=False)
  np.testing.assert_allclose(result[..., 0], expected, rtol=0, atol=0.501)


# Every pixel of it has another value: row * 16 + column.
_CODED = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)


def _recover(crop):
  """Returns top, left and whether flipped, of a part of `_CODED`."""
  crop = crop[..., 0].astype(int)
  flipped = crop[0, 0] > crop[0, 1]
  if flipped:
    crop = crop[:, ::-1]
  top, left = divmod(crop[0, 0], 16)
  height, width = crop.shape
  # An exact part of the image, nothing beyond its border.
  np.testing.assert_array_equal(
    crop, _CODED[top : top + height, left : left + width, 0]
  )
  return top, left, bool(flipped)


def _augmented(count, *, crop, seed=0):
  dataset = tf.data.Dataset.range(count).map(
    lambda position: preprocess.augment(
      tf.constant(_CODED),
      crop=crop,
      seed=tf.stack([tf.constant(seed, tf.int64), position]),
    )
  )
  return [_recover(image) for image in dataset.as_numpy_iterator()]


def test_crops_lie_in_the_image_and_come_from_all_of_it():
  draws = _augmented(800, crop=13)
  counts = collections.Counter((top, left) for top, left, _ in draws)
  assert set(counts) == {(y, x) for y in range(4) for x in range(4)}
  # 50 each; the bound is five standard deviations.
  assert all(abs(count - 50) < 5 * np.sqrt(50) for count in counts.values())


def test_half_of_the_images_are_flipped():
  # BiT's own pipeline flips all of them.
  flips = [flipped for _, _, flipped in _augmented(800, crop=13)]
  assert abs(sum(flips) - 400) < 5 * np.sqrt(800) / 2


def test_flips_do_not_depend_on_the_crop():
  draws = _augmented(800, crop=13)
  for axis in (0, 1):
    for offset in range(4):
      flips = [draw[2] for draw in draws if draw[axis] == offset]
      assert abs(np.mean(flips) - 0.5) < 5 * 0.5 / np.sqrt(len(flips))


def test_a_crop_of_the_whole_image_is_but_flipped():
  draws = _augmented(50, crop=16)
  assert {(top, left) for top, left, _ in draws} == {(0, 0)}
  assert {flipped for _, _, flipped in draws} == {False, True}


def test_augmentation_is_a_function_of_the_seed():
  assert _augmented(50, crop=13, seed=1) == _augmented(50, crop=13, seed=1)
  assert _augmented(50, crop=13, seed=1) != _augmented(50, crop=13, seed=2)


def test_augmentation_is_the_same_in_tf_data():
  for position in range(20):
    seed = np.array([3, position], np.int64)
    result = _run_both(
      lambda image, seed: preprocess.augment(image, crop=13, seed=seed),
      _CODED,
      seed,
    )
    assert result.shape == (13, 13, 1)
    assert result.dtype == np.uint8
    _recover(result)
