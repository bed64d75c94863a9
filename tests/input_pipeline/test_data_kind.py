# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a path holds."""

import pytest

from input_pipeline import data_kind


@pytest.mark.parametrize(
  ('files', 'expected'),
  [
    (['COVID/1.png'], 'image_folder'),
    (['test_COVIDx_CT-3A.txt'], 'covidx_ct/3a'),
    (['val_COVIDx_CT-2A.txt', 'train_COVIDx_CT-2B.txt'], 'covidx_ct/2a'),
    (['train_COVIDx_CT-3B.txt'], 'covidx_ct/3b'),
    (['train_COVIDx_CT-1.txt', '3A_images/1.png'], 'covidx_ct/1'),
  ],
)
def test_split_files_are_looked_for(tmp_path, files, expected):
  for name in files:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text('')
  assert data_kind.of_path(str(tmp_path)) == expected


def test_a_file_is_a_csv_and_a_name_is_no_path(tmp_path):
  (tmp_path / 'images.csv').write_text('')
  assert data_kind.of_path(str(tmp_path / 'images.csv')) == 'image_folder'
  assert data_kind.of_path(str(tmp_path / 'none')) == ''
  assert data_kind.of_path('') == ''
