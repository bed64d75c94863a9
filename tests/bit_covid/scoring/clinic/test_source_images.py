# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which files new DICOM objects can refer to."""

import numpy as np
import pydicom
import pytest

from bit_covid.scoring.clinic import source_images
from input_pipeline import scans


def _read(path):
  with scans.find(path) as found:
    (scan,) = found.scans
    return source_images.read(scan)


def _change(path, keyword, value):
  dataset = pydicom.dcmread(path)
  setattr(dataset, keyword, value)
  dataset.save_as(path)


def test_headers_come_in_the_order_of_the_scan(write_placed_series, tmp_path):
  headers = _read(write_placed_series(tmp_path / 'x'))
  assert [x.SOPInstanceUID[-2:] for x in headers[:9]] == [
    f'.{i + 1}' for i in range(9)
  ]
  assert str(headers[0].PatientName) == 'Doe^Jane'
  # It is not in the files, and must be in new ones.
  assert headers[0].StudyDate is None


@pytest.mark.parametrize(
  'keyword',
  ['SOPInstanceUID', 'StudyInstanceUID', 'FrameOfReferenceUID'],
)
@pytest.mark.parametrize('value', [None, '', '4bae1d63-1eeb-4386-bd1b'])
@pytest.mark.filterwarnings('ignore:Invalid value for VR UI')
def test_without_an_id_there_is_nothing_to_refer_to(
  write_placed_series, tmp_path, keyword, value
):
  folder = write_placed_series(tmp_path / 'x')
  for path in folder.iterdir():
    _change(path, keyword, value)
  with pytest.raises(source_images.NoReferenceError) as error:
    _read(folder)
  assert f'10 of 10 slices have no valid {keyword}' in str(error.value)


def test_ids_must_differ(write_placed_series, tmp_path):
  folder = write_placed_series(tmp_path / 'x', SOPInstanceUID='1.2.3')
  with pytest.raises(source_images.NoReferenceError, match='one SOPInstance'):
    _read(folder)


def test_one_file_without_an_id_is_enough(write_placed_series, tmp_path):
  # The scan takes it from the other files; a reference cannot.
  folder = write_placed_series(tmp_path / 'x')
  _change(folder / 'Doe_Jane_0.dcm', 'StudyInstanceUID', '')
  with pytest.raises(source_images.NoReferenceError, match='1 of 10 slices'):
    _read(folder)


def test_a_file_with_frames_is_refused(write_dicom, chest, tmp_path):
  frames = np.stack([chest(64, seed=i) for i in range(3)])
  write_dicom(tmp_path / 'x.dcm', frames, NumberOfFrames=3)
  with pytest.raises(source_images.NoReferenceError, match='several frames'):
    _read(tmp_path / 'x.dcm')


def test_other_files_are_refused(tmp_path):
  scan = scans.Scan('id', 'name', 'nifti', [], None)
  with pytest.raises(source_images.NoReferenceError, match='only DICOM'):
    source_images.read(scan)
