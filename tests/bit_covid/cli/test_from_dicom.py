# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From labelled DICOM series to a data set for training."""

import csv

import numpy as np
from PIL import Image
import pytest

from bit_covid.cli import from_dicom
from bit_covid.cli import split
from input_pipeline import custom_images
from input_pipeline import data_source
from input_pipeline import patient_hash


@pytest.fixture
def root(tmp_path, chest, write_dicom):
  """Six series of four slices, the first of which lies above the lungs."""
  folder = tmp_path / 'series'
  lines = ['series,label,patient']
  for number in range(6):
    (folder / f'Doe_{number}').mkdir(parents=True)
    for z in range(4):
      write_dicom(
        folder / f'Doe_{number}' / str(z),
        chest(64, lungs=z > 0, seed=10 * number + z),
        SeriesInstanceUID=f'1.2.{number}',
        ImagePositionPatient=[0, 0, -z],
      )
    lines.append(f'Doe_{number},{"NCP" if number % 2 else "Normal"},P{number}')
  (tmp_path / 'labels.csv').write_text('\n'.join(lines) + '\n')
  return folder


def _run(root, output='data', *more):
  folder = root.parent
  return from_dicom.main(
    [
      str(root),
      f'--labels={folder / "labels.csv"}',
      f'--output={folder / output}',
      f'--key={folder / "patients.key"}',
      *more,
    ]
  )


def test_series_become_images_that_can_be_trained_on(root, chest, to_gray):
  assert _run(root) == 0
  data = root.parent / 'data'
  text = (data / 'images.csv').read_text()
  assert 'Doe' not in text
  assert 'P0' not in text
  rows = list(csv.DictReader(text.splitlines()))
  assert len(rows) == 18
  assert len({row['patient'] for row in rows}) == 6
  images = [np.asarray(Image.open(data / row['path'])) for row in rows]
  for number in range(6):
    for z in (1, 2, 3):
      expected = to_gray(chest(64, seed=10 * number + z))
      assert any(np.array_equal(expected, x) for x in images)
  assert split.main([str(data / 'images.csv')]) == 0
  source = data_source.DataSource(
    'image_folder', path=str(data / 'images_split.csv')
  )
  examples = custom_images.load(source, 'train')
  assert examples.class_names == ('NCP', 'Normal')
  assert len(examples) == 6


def test_without_room_nothing_is_left_and_the_command_can_be_repeated(
  root, capsys, largest_file
):
  output = root.parent / 'data'
  with largest_file(2000):
    assert _run(root) == 1
  error = capsys.readouterr().err
  assert error.startswith(f'Error: {output}/images/')
  assert '.png is larger than files may be here. Make room' in error
  assert error.count('\n') == 1
  assert not output.exists()
  assert _run(root) == 0
  assert len((output / 'images.csv').read_text().splitlines()) == 19


def test_the_key_makes_the_ids(root):
  assert _run(root) == 0
  assert _run(root, 'again') == 0
  texts = [
    (root.parent / name / 'images.csv').read_text()
    for name in ('data', 'again')
  ]
  assert texts[0] == texts[1]
  key = root.parent / 'patients.key'
  assert key.stat().st_mode & 0o077 == 0
  other = patient_hash.read_or_make_key(root.parent / 'other.key')
  assert patient_hash.hashed('P0', other) not in texts[0]
  key.write_text('abc')
  assert _run(root, 'third') == 2


@pytest.mark.parametrize(
  ('line', 'message'),
  [
    ('../x,NCP,P9', 'is no folder or file'),
    ('none,NCP,P9', 'is no folder or file'),
    ('Doe_0,NCP,P9', 'is already in'),
    ('Doe_0,,P9', 'expected a value in label'),
    ('Doe_0,NCP,P9,x', 'expected 3 fields'),
    ('Doe_0,ncp,P9', "the label 'ncp' is written 'NCP' in"),
    ('Doe_0,CP/bacterial,P9', 'has a slash'),
    # Without the patient, as messages get into logs.
    ('Doe_0,NCP,p0', 'the patient is written otherwise in'),
  ],
)
def test_wrong_lines_are_named(root, capsys, line, message):
  labels = root.parent / 'labels.csv'
  labels.write_text(labels.read_text() + line + '\n')
  assert _run(root) == 2
  error = capsys.readouterr().err
  assert message in error
  assert 'labels.csv:8' in error


def test_the_key_stays_out_of_the_data(root, capsys):
  assert _run(root, 'data', f'--key={root.parent / "data/k"}') == 2
  assert 'must not be passed on' in capsys.readouterr().err


def test_labels_and_folders_as_windows_leaves_them(root, capsys):
  labels = root.parent / 'labels.csv'
  (root / 'deep').mkdir()
  (root / 'Doe_1').rename(root / 'deep' / 'Doe_1')
  labels.write_text(labels.read_text().replace('Doe_1,', 'deep\\Doe_1,'))
  for name, content in ('LOCKFILE', b''), ('VERSION', b'1'), ('._0', b'x'):
    (root / 'Doe_0' / name).write_bytes(content)
  assert _run(root) == 0
  printed = capsys.readouterr()
  assert 'Files given: 27. In scans: 24. In none: 3.' in printed.out
  assert 'Slices: 24. Converted: 18. Left out: 6.' in printed.out
  assert 'LOCKFILE: the file is empty' in printed.err


def test_labels_that_are_not_utf8(root, capsys):
  labels = root.parent / 'labels.csv'
  labels.write_bytes(
    labels.read_bytes() + 'Doe_6,Pneumonía,P6\n'.encode('cp1252')
  )
  assert _run(root) == 2
  error = capsys.readouterr().err
  assert f'{labels}: not UTF-8 after line 7. Save it as UTF-8.' in error
  assert 'codec' not in error


def test_the_same_scan_twice_in_a_series(root, capsys):
  for path in list((root / 'Doe_0').iterdir()):
    (root / 'Doe_0' / 'copy').mkdir(exist_ok=True)
    (root / 'Doe_0' / 'copy' / path.name).write_bytes(path.read_bytes())
  assert _run(root) == 0
  printed = capsys.readouterr()
  assert 'Files given: 28. In scans: 24. In none: 4.' in printed.out
  assert printed.err.count('a copy of') == 4


def test_notes_and_files_that_are_left_out_are_printed(
  root, capsys, chest, write_dicom
):
  folder = root / 'Doe_1'
  (folder / '2').unlink()
  (folder / 'notes.txt').write_text('of another kind')
  for name, tags in {
    'localizer': {'ImageType': 'LOCALIZER'},
    'iodine': {'RescaleType': 'MGML'},
    'copy': {'ImagePositionPatient': [0, 0, -1], 'SOPInstanceUID': '1.2'},
  }.items():
    series = {'SeriesInstanceUID': '1.2.1'}
    write_dicom(folder / name, chest(64, seed=11), **(series | tags))
  assert _run(root) == 0
  printed = capsys.readouterr()
  assert 'localizer: a localizer, not an axial slice' in printed.err
  assert 'iodine: its values are no Hounsfield units' in printed.err
  assert 'a copy of another file of its series' in printed.err
  assert '1 other files, neither images nor scans' in printed.err
  assert 'given twice and are used once: 1' in printed.out
  assert 'between slices 2 and 3 (as if 1 were missing)' in printed.out
