# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.phantom.drawing."""

import dataclasses

import numpy as np
import pytest

from input_pipeline.phantom import drawing
from input_pipeline.phantom import vessels

_DISEASED = [label for label in drawing.LABELS if label != 'Normal']
_NO_TREE = vessels.Tree(np.zeros((0, 3)), np.zeros(0))


def _patient(label='NCP', number=0, *, seed=0, split='train'):
  return drawing.sample_patient(
    seed=seed, split=split, label=label, number=number
  )


def _core(mask):
  """Returns the pixels of `mask` whose neighbours up to 2 away are in it."""
  for axis in (0, 1):
    mask = np.all([np.roll(mask, step, axis) for step in range(-2, 3)], axis=0)
  return mask


def _hounsfield(drawn, patient):
  """Returns `image` in HU, the window of the patient undone."""
  scanner = patient.scanner
  gray = (drawn.image.astype(np.float64) - scanner.offset) / scanner.gain
  return gray / 255 * 1500 - 1350


@pytest.mark.parametrize('label', drawing.LABELS)
def test_same_names_draw_the_same_slice(label):
  first = drawing.draw_slice(_patient(label, 3), 2, size=96)
  again = drawing.draw_slice(_patient(label, 3), 2, size=96)
  for before, after in zip(first, again, strict=True):
    np.testing.assert_array_equal(before, after)


def test_a_slice_does_not_depend_on_those_drawn_before():
  patient = _patient()
  drawing.draw_slice(patient, 0, size=64)
  after_another = drawing.draw_slice(patient, 1, size=64)
  alone = drawing.draw_slice(_patient(), 1, size=64)
  np.testing.assert_array_equal(after_another.image, alone.image)


@pytest.mark.parametrize(
  'other',
  [
    {'seed': 1},
    {'split': 'test'},
    {'label': 'CP'},
    {'number': 1},
  ],
  ids=lambda other: next(iter(other)),
)
def test_each_part_of_the_name_changes_the_body(other):
  names = {'seed': 0, 'split': 'train', 'label': 'NCP', 'number': 0}
  first = drawing.sample_patient(**names)
  second = drawing.sample_patient(**{**names, **other})
  assert first.anatomy != second.anatomy
  assert first.scanner != second.scanner
  assert not np.array_equal(first.vessels.points, second.vessels.points)


def test_neighbouring_slices_show_the_same_body_with_fresh_noise():
  patient = _patient(number=5)
  first, second = (drawing.draw_slice(patient, i, size=128) for i in (2, 3))
  np.testing.assert_array_equal(first.box, second.box)
  above = slice(0, first.box[1])  # Air: all that differs there is noise.
  assert not np.array_equal(first.image[above], second.image[above])
  shared = (first.lungs & second.lungs).sum()
  assert shared / (first.lungs | second.lungs).sum() > 0.75
  assert (first.lungs != second.lungs).any()


def test_mask_and_image_are_of_the_size_asked_for():
  drawn = drawing.draw_slice(_patient(), 0, size=50)
  assert drawn.image.dtype == np.uint8
  assert drawn.box.dtype == np.int32
  for plane in (drawn.image, drawn.body, drawn.lungs, drawn.lesions):
    assert plane.shape == (50, 50)


@pytest.mark.parametrize('number', [-1, drawing.MAX_SLICES])
def test_a_slice_outside_the_scan_is_an_error(number):
  with pytest.raises(ValueError, match=f'no slice {number}'):
    drawing.draw_slice(_patient(), number, size=32)


def test_scan_goes_from_the_apex_to_the_liver():
  patient = _patient('CP')
  scan = list(drawing.draw_scan(patient, 24, size=64))
  assert len(scan) == 24
  lungs = np.array([x.lungs.sum() / x.body.sum() for x in scan])
  lesions = np.array([x.lesions.sum() for x in scan])
  # Narrow above, widest in the middle, and narrower beside the liver.
  assert lungs[0] < 0.1
  assert 3 < lungs.argmax() < 20
  assert lungs[-1] < 0.8 * lungs.max()
  # The consolidation ends within the scan.
  assert lesions[lungs.argmax()] > 20 * lesions[-1]
  again = list(drawing.draw_scan(patient, 24, size=64))
  for first, second in zip(scan, again, strict=True):
    np.testing.assert_array_equal(first.image, second.image)
  # Fresh noise in each slice: two in a row differ in the air, too.
  outside = ~scan[9].body & ~scan[10].body
  assert (scan[9].image != scan[10].image)[outside].mean() > 0.5


def test_bounding_box_ends_are_exclusive():
  mask = np.zeros((6, 8), bool)
  mask[2:5, 3] = mask[4, 3:7] = True
  np.testing.assert_array_equal(drawing.bounding_box(mask), [3, 2, 7, 5])


@pytest.mark.parametrize('label', drawing.LABELS)
def test_body_is_whole_and_holds_the_lungs_whatever_the_seed(label):
  for seed in range(40):
    patient = _patient(label, number=seed % 3, seed=seed)
    drawn = drawing.draw_slice(patient, seed % 6, size=64)
    xmin, ymin, xmax, ymax = drawn.box
    # A margin of air on all sides: the box was not cut by the image.
    assert 0 < xmin < xmax < 64, (seed, drawn.box)
    assert 0 < ymin < ymax < 64, (seed, drawn.box)
    assert not (drawn.lungs & ~drawn.body).any(), seed
    assert 0.15 < drawn.lungs.sum() / drawn.body.sum() < 0.7, seed


@pytest.mark.parametrize('label', drawing.LABELS)
def test_box_is_tight_around_what_the_image_shows(label):
  for number in range(10):
    patient = _patient(label, number)
    drawn = drawing.draw_slice(patient, 3, size=128)
    # Fat against air. Only the upper half, as the table is below.
    seen = _hounsfield(drawn, patient) > -500
    xmin, ymin, xmax, ymax = drawn.box
    assert not seen[:ymin].any()
    above_table = seen[: (ymin + ymax) // 2]
    columns = np.flatnonzero(above_table.any(0))
    rows = np.flatnonzero(above_table.any(1))
    assert abs(rows[0] - ymin) <= 1
    assert abs(columns[0] - xmin) <= 2
    assert abs(columns[-1] + 1 - xmax) <= 2
    # The last row of the box is body, the next one is not.
    assert drawn.body[ymax - 1].any()
    assert not drawn.body[ymax:].any()


def test_normal_lungs_have_no_lesions():
  for number in range(5):
    drawn = drawing.draw_slice(_patient('Normal', number), 1, size=64)
    assert not drawn.lesions.any()


@pytest.mark.parametrize('label', _DISEASED)
def test_every_slice_of_the_diseased_shows_a_lesion(label):
  for number in range(30):
    patient = _patient(label, number)
    for index in (0, 2, 5):
      drawn = drawing.draw_slice(patient, index, size=96)
      assert not (drawn.lesions & ~drawn.lungs).any()
      lesion = drawn.lesions.sum()
      assert lesion > 0.03 * drawn.lungs.sum(), (number, index)
      healthy = drawn.lungs & ~drawn.lesions
      hounsfield = _hounsfield(drawn, patient)
      contrast = np.median(hounsfield[drawn.lesions]) - np.median(
        hounsfield[healthy]
      )
      assert contrast > 150, (number, index)


def test_consolidations_are_dense_and_ground_glass_is_not():
  densities = {}
  for label in _DISEASED:
    densities[label] = []
    for number in range(20):
      patient = _patient(label, number)
      drawn = drawing.draw_slice(patient, 2, size=96)
      inside = _hounsfield(drawn, patient)[drawn.lesions]
      densities[label].append(np.median(inside))
  assert min(densities['CP']) > -250
  assert max(densities['NCP']) < -250


def test_ground_glass_lies_in_both_lungs_below_the_pleura():
  for number in range(20):
    patient = _patient('NCP', number)
    drawn = drawing.draw_slice(patient, 2, size=96)
    columns = np.flatnonzero(drawn.lesions.any(0))
    middle = (drawn.box[0] + drawn.box[2]) / 2
    assert columns[0] < middle < columns[-1], number
    # The pixels around the lesions are partly wall, not only lung.
    grown = drawn.lesions.copy()
    grown[1:] |= drawn.lesions[:-1]
    grown[:, 1:] |= drawn.lesions[:, :-1]
    grown[:, :-1] |= drawn.lesions[:, 1:]
    assert (grown & ~drawn.lungs).sum() > 10, number


@pytest.mark.parametrize(
  ('label', 'vessels_show'), [('NCP', True), ('CP', False)]
)
def test_vessels_show_in_ground_glass_but_not_in_consolidations(
  label, vessels_show
):
  changed = 0
  for number in range(10):
    patient = _patient(label, number)
    bare = dataclasses.replace(patient, vessels=_NO_TREE)
    drawn = drawing.draw_slice(patient, 2, size=96)
    without = drawing.draw_slice(bare, 2, size=96)
    brighter = drawn.image.astype(int) - without.image > 25
    assert brighter[drawn.lungs & ~drawn.lesions].any(), number
    changed += brighter[_core(drawn.lesions)].sum()
  assert (changed > 50) == vessels_show, changed


def test_consolidations_hold_dark_bronchi():
  for number in range(10):
    patient = _patient('CP', number)
    airless = dataclasses.replace(
      patient, bronchi=tuple(_NO_TREE for _ in patient.bronchi)
    )
    drawn = drawing.draw_slice(patient, 2, size=96)
    without = drawing.draw_slice(airless, 2, size=96)
    darker = without.image.astype(int) - drawn.image > 25
    assert darker[drawn.lesions].sum() > 8, number
    assert not darker[~drawn.lungs].any(), number
