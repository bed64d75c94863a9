# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The montage of a scan, and the colour that it lays over a slice."""

import dataclasses
import io

import numpy as np
from PIL import Image
import pytest

from bit_covid.scoring import gradcam_montage
from bit_covid.scoring import scan_result

# The last colour of Matplotlib's inferno, where the map is 1.
_BRIGHTEST = (252, 255, 164)


def _slice(gray, gradcam):
  """A slice whose map of class A is given, and that of class B is zero."""
  gradcam = np.asarray(gradcam, np.float32)
  maps = np.stack([gradcam, np.zeros_like(gradcam)])
  return scan_result.MontageSlice(7, gray, maps, np.array([0.625, 0.375]))


def test_the_overlay_is_clear_at_0_and_three_fifths_colour_at_1():
  gray = np.full((24, 24), 100, np.uint8)
  gradcam = np.zeros((24, 24))
  gradcam[:, 12:] = 1
  plain, mapped = gradcam_montage.overlay(_slice(gray, gradcam), 0)
  assert plain.shape == mapped.shape == (240, 240, 3)
  assert (plain == 100).all()
  assert (mapped[:, :100] == 100).all()
  expected = 0.4 * 100 + 0.6 * np.array(_BRIGHTEST)
  np.testing.assert_allclose(mapped[120, 200], expected, atol=1)


def test_a_slice_keeps_its_proportions_on_black():
  gray = np.full((24, 12), 200, np.uint8)
  plain, _ = gradcam_montage.overlay(_slice(gray, np.zeros((24, 12))), 0)
  assert (plain[:, 60:180] == 200).all()
  assert not plain[:, :60].any()
  assert not plain[:, 180:].any()


def test_the_montage_shows_each_slice_above_its_overlay(make_result):
  gray = np.full((24, 24), 100, np.uint8)
  slices = [_slice(gray, np.ones((24, 24)))] * 5
  result = make_result(0.6, montage_slices=tuple(slices))
  picture = Image.open(io.BytesIO(gradcam_montage.render(result)))
  # Four columns of 240 pixels and two rows, with lines and gaps.
  assert picture.size == (4 * 244 + 4, 2 * (32 + 2 * 240 + 3 * 4))
  pixels = np.asarray(picture)
  row = 32 + 2 * 240 + 3 * 4
  colour = 0.4 * 100 + 0.6 * np.array(_BRIGHTEST)
  for left, top in ((4, 0), (4 + 3 * 244, 0), (4, row)):
    assert (pixels[top + 32 + 120, left + 120] == 100).all()
    np.testing.assert_allclose(
      pixels[top + 32 + 244 + 120, left + 120], colour, atol=1
    )
  # No sixth slice.
  assert (pixels[row:, 4 + 244 :] == 255).all()


def test_maps_of_another_class(make_result):
  gray = np.full((24, 24), 100, np.uint8)
  each = _slice(gray, np.ones((24, 24)))
  result = make_result(0.6, montage_slices=(each,))
  picture = gradcam_montage.render(result, class_index=1)
  pixels = np.asarray(Image.open(io.BytesIO(picture)))
  # Nothing speaks for class B.
  assert (pixels[32 + 244 : 32 + 244 + 240, 4 : 4 + 240] == 100).all()


def test_sides_are_named_where_the_files_know_them(make_result):
  gray = np.zeros((24, 24), np.uint8)
  each = _slice(gray, np.zeros((24, 24)))
  result = make_result(0.6, montage_slices=(each,))
  for has_sides in (False, True):
    scan = dataclasses.replace(result.scan, has_sides=has_sides)
    picture = gradcam_montage.render(dataclasses.replace(result, scan=scan))
    tile = np.asarray(Image.open(io.BytesIO(picture)))[32:272, 4:244]
    is_white = (tile > 200).all(axis=2)
    edges = is_white[:, :24], is_white[:, -24:], is_white[:24], is_white[-24:]
    assert [x.any() for x in edges] == [has_sides] * 4
    assert not is_white[30:-30, 30:-30].any()


def test_colours_of_the_bar_are_those_of_a_map_on_black():
  gradcam = np.linspace(0, 1, 9)[None].repeat(9, axis=0)
  _, mapped = gradcam_montage.overlay(
    _slice(np.zeros((9, 9), np.uint8), gradcam), 0
  )
  bar = gradcam_montage.colours_of_maps()
  for place, colour in ((0, bar[0]), (239, bar[-1])):
    red, green, blue = mapped[120, place]
    assert colour == f'#{red:02x}{green:02x}{blue:02x}'


def test_a_footer_adds_its_lines(make_result):
  gray = np.zeros((24, 24), np.uint8)
  each = _slice(gray, np.zeros((24, 24)))
  result = make_result(0.6, montage_slices=(each,))
  plain = Image.open(io.BytesIO(gradcam_montage.render(result)))
  taller = Image.open(io.BytesIO(gradcam_montage.render(result, 'a\nb')))
  assert taller.size == (plain.width, plain.height + 2 * 32)
  footer = np.asarray(taller)[plain.height :]
  assert (footer < 100).all(axis=2).any()


def test_without_slices_there_is_nothing_to_draw(make_result):
  with pytest.raises(ValueError, match='nothing to draw'):
    gradcam_montage.render(make_result('no lungs'))
