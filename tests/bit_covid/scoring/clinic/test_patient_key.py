# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The way back from the results to files and patients."""

import stat

import pandas as pd
from PIL import Image
import pydicom

from bit_covid.base import csv_file
from bit_covid.scoring.clinic import patient_key
from input_pipeline import scans


def _written(path, *sources):
  with scans.find(list(sources)) as found:
    patient_key.write(path, patient_key.rows(found))
  return found, pd.read_csv(path, dtype=str, keep_default_na=False)


def test_each_id_has_its_file_and_patient(
  write_placed_series, chest, to_gray, tmp_path
):
  series = write_placed_series(tmp_path / 'series', PatientID='Ab 17')
  # No file says everything, as the scan allows.
  for i in range(10):
    path = series / f'Doe_Jane_{i}.dcm'
    dataset = pydicom.dcmread(path)
    setattr(dataset, 'PatientID' if i else 'StudyInstanceUID', '')
    dataset.save_as(path)
  image = tmp_path / 'Roe.png'
  Image.fromarray(to_gray(chest(64))).save(image)
  (tmp_path / 'notes.txt').write_text('x')
  found, table = _written(
    tmp_path / 'key.csv', series, image, tmp_path / 'notes.txt'
  )
  assert len(table) == 12
  of_series, of_image = found.scans
  rows = table[table['scan_id'] == of_series.id]
  assert rows['slice_id'].tolist() == [of_series.slice_id(i) for i in range(10)]
  assert rows['file'].tolist() == [
    str(series / f'Doe_Jane_{i}.dcm') for i in range(10)
  ]
  # As the file writes it, and not as it is compared.
  assert set(rows['patient_id']) == {'Ab 17'}
  assert set(rows['study_uid']) == {'1.2.826.0.1.3680043.8.498.7'}
  assert set(rows['series_uid']) == {'1.2.826.0.1.3680043.8.498.1'}
  (row,) = table[table['scan_id'] == of_image.id].to_dict('records')
  assert (row['file'], row['patient_id']) == (str(image), '')
  (row,) = table[table['scan_id'] == ''].to_dict('records')
  assert row['file'] == str(tmp_path / 'notes.txt')
  assert row['file_id'] == found.refused[0].id


def test_only_the_owner_may_read_it(write_placed_series, tmp_path):
  path = tmp_path / 'key.csv'
  _written(path, write_placed_series(tmp_path / 'x'))
  assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_patient_is_no_formula(write_placed_series, tmp_path):
  series = write_placed_series(tmp_path / 'x', PatientID='=1+1')
  _, table = _written(tmp_path / 'key.csv', series)
  assert set(table['patient_id']) == {csv_file.escaped('=1+1')} == {"'=1+1"}


def test_without_a_scan_it_has_its_columns(tmp_path):
  _written(tmp_path / 'key.csv', tmp_path)
  assert (tmp_path / 'key.csv').read_text() == (
    'scan_id,slice_id,file_id,file,patient_id,study_uid,series_uid\n'
  )
