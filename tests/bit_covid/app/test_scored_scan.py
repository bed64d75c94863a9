# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is shown of a scan, where slices are large, damaged or uncropped."""

import io
import json

import numpy as np
from PIL import Image
import pytest

from bit_covid.app import scored_scan
from bit_covid.scoring import scan_result
from bit_covid.scoring import verdict
from input_pipeline import scans


def _open(png):
  return np.asarray(Image.open(io.BytesIO(png)))


def _slice(index, **fields):
  defaults = {
    'slice_id': f'0a-{index + 1:04d}',
    'name': 'Doe.dcm',
    'position': None,
    'finding': None,
    'is_readable': True,
    'probabilities': None,
  }
  return scan_result.SliceResult(**defaults | fields)


@pytest.fixture
def scored():
  """A scan of three slices: cropped, whole, damaged."""
  maps = np.zeros((2, 2, 2), np.float32)
  maps[0] = [[0, 1], [0, 0]]
  values = {'probabilities': np.array([0.75, 0.25]), 'maps': maps}
  slices = (
    _slice(0, box=np.array([10, 20, 50, 40], np.int32), **values),
    _slice(1, **values),
    _slice(2, finding='damaged', is_readable=False),
  )
  gray = np.arange(60 * 80, dtype=np.uint32).reshape(60, 80).astype(np.uint8)
  return scored_scan.ScoredScan(
    scan_result.ScanResult(
      scan=scans.Scan(
        '0a', 'Doe', 'images', [scans.Slice('Doe', None, None)] * 3, None
      ),
      class_names=('A', 'B'),
      slices=slices,
      scan_probabilities={},
      verdict=verdict.Verdict('accept', ('Like the training slices.',), 9.5),
      montage_slices=(),
      seconds={},
    ),
    {i: scored_scan.picture(gray) for i in range(2)},
  )


def test_a_slice_is_kept_as_it_is_and_small():
  gray = np.random.default_rng(0).integers(0, 255, (512, 512), np.uint8)
  picture = scored_scan.picture(gray)
  np.testing.assert_array_equal(_open(picture.full), gray)
  assert picture.size == (512, 512)
  assert _open(picture.small).shape == (96, 96)


def test_a_large_slice_is_shown_smaller_and_keeps_its_proportions():
  picture = scored_scan.picture(np.full((3000, 1500), 7, np.uint8))
  assert picture.size == (3000, 1500)
  assert _open(picture.full).shape == (768, 384)
  assert (_open(picture.full) == 7).all()


def test_a_map_covers_the_box_and_is_clear_where_it_is_small(scored):
  cropped = _open(scored_scan.heat(scored, 0, 0))
  assert cropped.shape == (20, 40, 4)
  # From the upper right corner downwards.
  assert cropped[0, -1, 3] == 255
  assert cropped[-1, 0, 3] == 0
  assert (np.diff(cropped[0, :, 3].astype(int)) >= 0).all()
  assert _open(scored_scan.heat(scored, 1, 0)).shape == (60, 80, 4)
  assert not _open(scored_scan.heat(scored, 1, 1))[..., 3].any()
  for index, class_index in ((2, 0), (3, 0), (0, 2)):
    assert scored_scan.heat(scored, index, class_index) is None


def test_what_is_said_of_each_slice(scored):
  content = scored_scan.content(scored, ['careful'], 1.5)
  cropped, whole, damaged = content['slices']
  assert cropped['box'] == [10, 20, 50, 40]
  assert whole['box'] == [0, 0, 80, 60]
  assert cropped['has_map'] == [True, False]
  assert (damaged['size'], damaged['probabilities']) == (None, None)
  assert damaged['finding'] == 'damaged'
  assert content['predicted'] is None
  assert content['joined'] == []
  assert (content['certainty'], content['disagreement']) == (None, '')
  assert content['verdict']['outcome'] == 'accept'
  assert content['verdict']['text'].startswith('Accepted: ')
  assert content['verdict']['text'].endswith(' Like the training slices.')
  assert not content['verdict']['is_withheld']
  assert content['cautions'] == ['careful']
  assert '(temperature 1.50)' in content['calibration']
  assert 'Doe' not in json.dumps(content)
