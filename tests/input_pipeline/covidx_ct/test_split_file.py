# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.covidx_ct.split_file."""

import collections
import csv
import functools
import re

import pytest

from input_pipeline import names
from input_pipeline.covidx_ct import split_file

_GOOD = 'NCP_341_1834_0022.png 2 0 130 512 429'

# Slices of Normal, CP and NCP, and patients: COVIDx CT's own documentation.
_COUNTS = {
  ('1', 'train'): ((27_201, 22_061, 12_520), 864),
  ('1', 'val'): ((9_107, 7_400, 4_529), 332),
  ('1', 'test'): ((9_450, 7_395, 4_346), 293),
  ('2A', 'val'): ((11_842, 7_400, 6_244), 482),
  ('2A', 'test'): ((12_245, 7_395, 6_018), 426),
  ('3A', 'val'): ((17_570, 8_008, 8_147), 560),
  ('3A', 'test'): ((17_922, 7_965, 7_894), 503),
}
_FINDINGS = {'Normal': 0, 'Pneumonia': 1, 'COVID-19': 2}


@pytest.fixture(scope='module')
def official(real_data):
  """Reads an official split file, each once."""

  @functools.cache
  def read(version, split):
    name = f'{split}_COVIDx_CT-{version}.txt'
    return split_file.read(real_data / 'splits' / name)

  return read


@pytest.mark.parametrize(('version', 'split'), list(_COUNTS))
def test_every_official_line_parses(official, version, split):
  slices = official(version, split)
  by_class, patients = _COUNTS[version, split]
  assert collections.Counter(entry.label for entry in slices) == dict(
    enumerate(by_class)
  )
  assert len({entry.patient_id for entry in slices}) == patients


@pytest.mark.parametrize(
  ('version', 'splits'),
  [
    ('1', ('train', 'val', 'test')),
    ('2A', ('val', 'test')),
    ('3A', ('val', 'test')),
  ],
)
def test_no_patient_is_in_two_official_splits(official, version, splits):
  read = {split: official(version, split) for split in splits}
  names.check_patients(read)
  patients = [{entry.patient_id for entry in read[split]} for split in splits]
  assert len(set.union(*patients)) == sum(map(len, patients))


# Studies of CT-1 that have no metadata and were removed from version 2.
_WITHOUT_METADATA = {
  ('1', 'train'): {'NCP_1058', 'NCP_868', 'CP_1769'},
  ('1', 'val'): {'NCP_911'},
  ('1', 'test'): {'NCP_869'},
}


@pytest.mark.parametrize(('version', 'split'), list(_COUNTS))
def test_source_and_class_are_those_of_the_metadata(
  official, real_data, version, split
):
  with (real_data / 'splits' / 'metadata.csv').open(newline='') as file:
    patients = {row['patient id']: row for row in csv.DictReader(file)}
  unmatched = set()
  for entry in official(version, split):
    if entry.patient_id not in patients:
      unmatched.add(entry.patient_id)
      continue
    row = patients[entry.patient_id]
    assert entry.source == row['source'], entry
    assert entry.label == _FINDINGS[row['finding']], entry
  assert unmatched == _WITHOUT_METADATA.get((version, split), set())


def test_a_line_becomes_a_slice_with_its_place(tmp_path):
  path = tmp_path / 'list.txt'
  path.write_text(f'Normal_1_2_0000.png 0 1 2 3 4\n{_GOOD}\n')
  assert split_file.read(path) == [
    ('Normal_1_2_0000.png', 0, (1, 2, 3, 4), 'Normal_1', 'CNCB', f'{path}:1'),
    (
      'NCP_341_1834_0022.png',
      2,
      (0, 130, 512, 429),
      'NCP_341',
      'CNCB',
      f'{path}:2',
    ),
  ]


def test_the_last_newline_may_be_missing(tmp_path):
  path = tmp_path / 'list.txt'
  path.write_text(f'Normal_1_2_0000.png 0 1 2 3 4\n{_GOOD}')
  assert [entry.file_name for entry in split_file.read(path)] == [
    'Normal_1_2_0000.png',
    'NCP_341_1834_0022.png',
  ]


_BAD_LINES = {
  'blank': ('', 'six fields'),
  'blank with a space': (' ', 'six fields'),
  'CRLF': (f'{_GOOD}\r', 'CRLF'),
  'five fields': ('NCP_1_2_0001.png 2 0 130 512', 'six fields'),
  'seven fields': ('NCP_1_2_0001.png 2 0 130 512 429 1', 'six fields'),
  'two spaces': ('NCP_1_2_0001.png  2 0 130 512 429', 'six fields'),
  'leading space': (f' {_GOOD}', 'six fields'),
  'trailing space': (f'{_GOOD} ', 'six fields'),
  'tabs': (_GOOD.replace(' ', '\t'), 'six fields'),
  'class 3': ('NCP_1_2_0001.png 3 0 130 512 429', 'class 3; expected 0'),
  'class name': ('NCP_1_2_0001.png NCP 0 130 512 429', 'five whole numbers'),
  'negative': ('NCP_1_2_0001.png 2 -1 130 512 429', 'five whole numbers'),
  'fraction': ('NCP_1_2_0001.png 2 0.0 130 512 429', 'five whole numbers'),
  'too long': ('NCP_1_2_0001.png 2 0 130 5120000 429', 'five whole numbers'),
  'inverted x': ('NCP_1_2_0001.png 2 512 130 0 429', 'empty or inverted'),
  'inverted y': ('NCP_1_2_0001.png 2 0 429 512 130', 'empty or inverted'),
  'empty x': ('NCP_1_2_0001.png 2 7 130 7 429', 'empty or inverted'),
  'empty y': ('NCP_1_2_0001.png 2 0 130 512 130', 'empty or inverted'),
  'parent folder': ('../NCP_1_2_0001.png 2 0 1 5 4', 'is a path'),
  'dots': ('NCP_1_2_0001..png 2 0 1 5 4', 'is a path'),
  'folder': ('2A_images/NCP_1_2_0001.png 2 0 1 5 4', 'is a path'),
  'absolute': ('/NCP_1_2_0001.png 2 0 1 5 4', 'is a path'),
  'backslash': ('2A_images\\NCP_1_2_0001.png 2 0 1 5 4', 'is a path'),
  'unknown name': ('scan12.png 2 0 1 5 4', "'scan12.png' is not named like"),
  'JPEG': ('NCP_1_2_0001.jpg 2 0 1 5 4', 'is not named like'),
  'duplicate': ('Normal_1_2_0000.png 0 9 9 10 10', 'is already in .*:1;'),
}


@pytest.mark.parametrize('kind', list(_BAD_LINES))
def test_a_bad_line_is_an_error_with_its_place(tmp_path, kind):
  line, message = _BAD_LINES[kind]
  path = tmp_path / 'list.txt'
  after = 'CP_1_2_0000.png 1 1 2 3 4'
  path.write_bytes(f'Normal_1_2_0000.png 0 1 2 3 4\n{line}\n{after}\n'.encode())
  with pytest.raises(ValueError, match=message) as error:
    split_file.read(path)
  assert str(error.value).startswith(f'{path}:2: ')


def test_an_empty_file_is_an_error(tmp_path):
  path = tmp_path / 'list.txt'
  path.write_bytes(b'')
  with pytest.raises(ValueError, match=rf'^{re.escape(str(path))}:1: '):
    split_file.read(path)


@pytest.mark.parametrize(
  ('text', 'line'), [(f'\n{_GOOD}\n', 1), (f'{_GOOD}\n\n', 2)]
)
def test_a_blank_line_at_either_end_is_an_error(tmp_path, text, line):
  path = tmp_path / 'list.txt'
  path.write_text(text)
  with pytest.raises(ValueError, match=rf'^{re.escape(str(path))}:{line}: '):
    split_file.read(path)


def test_a_patient_in_two_splits_is_an_error_with_both_places(tmp_path):
  train, val = tmp_path / 'train.txt', tmp_path / 'val.txt'
  train.write_text(f'Normal_1_2_0000.png 0 1 2 3 4\n{_GOOD}\n')
  val.write_text('CP_1_2_0000.png 1 1 2 3 4\nNCP_341_77_0001.png 2 0 1 5 4\n')
  splits = {'train': split_file.read(train), 'val': split_file.read(val)}
  with pytest.raises(ValueError, match="patient 'NCP_341'") as error:
    names.check_patients(splits)
  assert str(error.value).startswith(f'{val}:2: ')
  assert f"'train' ({train}:2) and 'val'" in str(error.value)


def test_patients_whose_names_begin_alike_are_no_leak(tmp_path):
  train, val = tmp_path / 'train.txt', tmp_path / 'val.txt'
  train.write_text('NCP_91_1_0000.png 2 1 2 3 4\n')
  val.write_text('NCP_911_1_0000.png 2 1 2 3 4\n')
  names.check_patients(
    {'train': split_file.read(train), 'val': split_file.read(val)}
  )
