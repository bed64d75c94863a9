# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What passes for a slice, on drawn and real pictures."""

import dataclasses
import functools

import cv2
import numpy as np
import pytest

from input_pipeline import conventions
from input_pipeline import scans
from input_pipeline.phantom import drawing
from input_pipeline.scans import checked
from input_pipeline.scans import input_check


def _verdict(gray, colour=0.0):
  return input_check.check(scans.Pixels(gray, colour))


def _smooth(seed, sigma, low=0, high=255):
  noise = np.random.default_rng(seed).normal(size=(256, 256))
  blurred = cv2.GaussianBlur(noise, (0, 0), sigma)
  return cv2.normalize(blurred, None, low, high, cv2.NORM_MINMAX).astype(
    np.uint8
  )


def _radiograph(chest) -> np.ndarray:
  """Returns a chest seen from the front: what rays meet on their way."""
  slices = [chest(128, seed=i) for i in range(60)]
  dense = np.clip((np.stack(slices).astype(float) + 1000) / 1000, 0, None)
  shadow = cv2.resize(dense.sum(axis=1), (128, 128))
  return (255 * shadow / shadow.max()).astype(np.uint8)


def test_chests_pass_and_have_lungs_or_not(chest, to_gray):
  for size in (64, 128, 512):
    assert _verdict(to_gray(chest(size))) == (None, True)
    assert _verdict(to_gray(chest(size, lungs=False))) == (None, False)


def test_drawn_slices_of_the_demo_pass():
  for number in range(4):
    patient = drawing.sample_patient(
      seed=0, split='test', label='NCP', number=number
    )
    for index in (0, 5):
      image = drawing.draw_slice(patient, index, size=128).image
      assert _verdict(image) == (None, True)


@pytest.mark.parametrize(
  ('gray', 'reason'),
  [
    (np.zeros((128, 128), np.uint8), 'blank'),
    (np.full((128, 128), 128, np.uint8), 'blank'),
    (np.zeros((16, 16), np.uint8), 'too small'),
    (np.zeros((300, 100), np.uint8), 'too long'),
    (_smooth(0, 20), 'not those of CT'),
    (np.tile(np.arange(256, dtype=np.uint8), (256, 1)), 'upper or lower edge'),
    (_smooth(1, 8, 0, 120), 'not those of CT'),
  ],
)
def test_other_pictures_are_flagged(gray, reason):
  assert reason in _verdict(gray).problem


def test_colour_radiographs_and_coronal_slices(chest, to_gray):
  gray = to_gray(chest(128))
  assert _verdict(gray, colour=30).problem == 'a colour image'
  assert _verdict(_radiograph(chest)).problem
  ends = [to_gray(chest(128, lungs=False))] * 20
  volume = np.stack(ends + [gray] * 88 + ends)
  assert 'not an axial slice' in _verdict(volume[:, 64]).problem


def _scan(grays, *, positions=True):
  return scans.Scan(
    id='0',
    name='',
    source='dicom',
    slices=[
      scans.Slice(
        str(i),
        -float(i) if positions else None,
        functools.partial(scans.Pixels, gray),
      )
      for i, gray in enumerate(grays)
    ],
    window=conventions.LUNG_WINDOW,
  )


def test_slices_without_lungs_count_between_those_with(chest, to_gray):
  full, none = to_gray(chest(64)), to_gray(chest(64, lungs=False))
  grays = [none, full, none, none, full, none]

  def flagged(scan):
    found = sorted(checked.read(scan), key=lambda x: x.index)
    assert [x.index for x in found] == list(range(6))
    return [x.reason is not None for x in found]

  assert flagged(_scan(grays)) == [True, False, False, False, False, True]
  # Without an order nobody knows what lies between.
  assert flagged(_scan(grays, positions=False)) == [
    True,
    False,
    True,
    True,
    False,
    True,
  ]


def test_an_unreadable_slice_is_one_result(chest, to_gray):
  def fail():
    raise scans.UnreadableError('Doe_Jane.dcm', 'broken')

  scan = _scan([to_gray(chest(64))])
  broken = scans.Slice('Doe_Jane.dcm', 1.0, fail)
  scan = dataclasses.replace(scan, slices=[*scan.slices, broken])
  found = list(checked.read(scan))
  assert [x.reason for x in found] == [None, 'broken']
  assert found[1].gray is None


def test_real_slices_pass(real_data):
  flagged = {}
  with scans.find(real_data / 'covidx_ct_sample/3A_images') as found:
    (scan,) = found.scans
    for each in scan.slices:
      verdict = input_check.check(each.read())
      assert verdict.problem is None, each.name
      if not verdict.has_lungs:
        name = each.name.split('-')[1]
        flagged[name] = flagged.get(name, 0) + 1
  # Above and below the lungs of the two that came whole: no slice with a
  # lesion. docs/scans.md has this number.
  assert flagged == {'normal002': 44, 'normal039': 37}
