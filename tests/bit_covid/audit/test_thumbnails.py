# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Thumbnails show the body alone, wherever it lies in the image."""

import os

import cv2
import numpy as np

from bit_covid.audit import thumbnails


def _body():
  noise = np.random.default_rng(0).integers(120, 256, [10, 10], np.uint8)
  return cv2.resize(noise, (120, 90), interpolation=cv2.INTER_CUBIC)


def _difference(first, second):
  # Where the margin ends is known to a pixel of 128 only.
  first, second = (x[4:-4, 4:-4].astype(int) for x in (first, second))
  return np.abs(first - second).mean()


def test_margin_and_text_beside_the_body_do_not_matter():
  whole = thumbnails.thumbnail(_body())
  assert whole.shape == (64, 64)
  wide = np.pad(_body(), [(60, 20), (30, 80)])
  cv2.putText(wide, 'TEXT 17', (5, 20), cv2.FONT_HERSHEY_PLAIN, 1, 255)
  assert _difference(whole, thumbnails.thumbnail(wide)) < 8
  plain = cv2.resize(wide, (64, 64), interpolation=cv2.INTER_AREA)
  assert _difference(whole, plain) > 30


def test_an_image_without_content_is_kept_whole():
  assert (thumbnails.thumbnail(np.full([30, 40], 7, np.uint8)) == 7).all()
  assert thumbnails.thumbnail(np.zeros([1, 1], np.uint8)).shape == (64, 64)


def test_the_store_is_on_the_disk_and_leaves_no_file(tmp_path, monkeypatch):
  monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
  store = thumbnails.new_store(3)
  store[2] = 5
  assert store.shape == (3, 64, 64)
  assert store.sum() == 5 * 64 * 64
  assert isinstance(store, np.memmap)
  assert os.listdir(tmp_path) == []
