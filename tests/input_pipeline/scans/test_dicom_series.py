# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which DICOM slices are one scan, which are copies, and the notes on them."""

import os
import shutil

import numpy as np
import pydicom
import pytest

from input_pipeline import scans
from input_pipeline.scans import dicom_notes
from input_pipeline.scans import orientation


@pytest.fixture
def write_series(tmp_path, chest, write_dicom):
  """Writes a slice per dict of elements, 5 mm apart; returns the folder."""

  def write(slices, folder='series'):
    (tmp_path / folder).mkdir(exist_ok=True)
    for i, tags in enumerate(slices):
      place = {'ImagePositionPatient': [-100, -100, -5 * i]}
      write_dicom(
        tmp_path / folder / f'{i}', chest(48, seed=i), **(place | tags)
      )
    return tmp_path / folder

  return write


def _found(path):
  """Returns the scans and the reasons of the refused files."""
  with scans.find(path) as found:
    return found.scans, [x.reason for x in found.refused]


def _notes(path):
  (scan,), _ = _found(path)
  return list(scan.notes)


def _tilted(degrees, axis=0):
  """Returns axial direction cosines, turned about an axis of the body."""
  one, other = (axis + 1) % 3, (axis + 2) % 3
  turned = np.eye(3)
  cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
  turned[[one, other], [one, other]] = cosine
  turned[one, other], turned[other, one] = -sine, sine
  return turned.T[:2].round(7).ravel().tolist()


def test_equal_ids_do_not_make_a_copy(write_series):
  folder = write_series([{'SOPInstanceUID': '1.2.3'}] * 4)
  (scan,), refused = _found(folder)
  assert (len(scan), scan.spacing, refused) == (4, 5, [])
  (note,) = scan.notes
  assert 'SOPInstanceUID' in note
  assert 'slices 1-4' in note


def test_equal_pixels_at_another_place_are_no_copy(
  tmp_path, chest, write_dicom
):
  for z in range(4):
    write_dicom(tmp_path / f'{z}', chest(48), ImagePositionPatient=[0, 0, z])
  (scan,), refused = _found(tmp_path)
  assert (len(scan), refused) == (4, [])


def test_equal_pixels_and_place_are_a_copy(write_series):
  folder = write_series([{}] * 4)
  (alone,), _ = _found(folder)
  # The same slices under other ids, compressed, in a folder of their own.
  write_series([{'ImageComments': 'again'}] * 4, 'again')
  for path in (folder.parent / 'again').iterdir():
    dataset = pydicom.dcmread(path)
    dataset.compress(pydicom.uid.RLELossless)
    dataset.save_as(path)
  (scan,), refused = _found([folder.parent / 'again', folder])
  assert (len(scan), scan.spacing) == (4, alone.spacing)
  assert refused == ['a copy of another file of its series'] * 4
  assert scan.notes == ('Slices that were given twice and are used once: 4.',)
  # The order of the files does not matter.
  (other,), _ = _found([folder, folder.parent / 'again'])
  assert other.id == scan.id


def test_different_pixels_at_one_place_are_kept(write_series):
  place = {'ImagePositionPatient': [0, 0, 0], 'SOPInstanceUID': '1.2.3'}
  (scan,), refused = _found(write_series([place] * 3))
  assert (len(scan), refused) == (3, [])
  assert 'position of another one: 2 (slices 2-3)' in scan.notes[0]


def test_without_place_and_number_only_the_same_file_is_a_copy(
  tmp_path, chest, write_dicom
):
  for name in 'ab':
    write_dicom(tmp_path / name, chest(48), ImagePositionPatient=None)
  shutil.copy(tmp_path / 'a', tmp_path / 'c')
  (scan,), refused = _found(tmp_path)
  assert (len(scan), len(refused)) == (2, 1)


def test_a_damaged_slice_is_no_copy(write_series):
  folder = write_series([{'ImagePositionPatient': [0, 0, 0]}] * 2)
  dataset = pydicom.dcmread(folder / '1')
  dataset.compress(pydicom.uid.RLELossless)
  dataset.save_as(folder / '1')
  content = (folder / '1').read_bytes()
  (folder / '1').write_bytes(content[:-200])
  (scan,), refused = _found(folder)
  assert (len(scan), refused) == (2, [])


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_jitter_of_the_orientation_does_not_split_a_scan(write_series, axis):
  degrees = [0, 0.29, 0.3, -0.3, 0.9, 0.28648]
  folder = write_series(
    [{'ImageOrientationPatient': _tilted(x, axis)} for x in degrees]
  )
  (scan,), _ = _found(folder)
  assert len(scan) == 6
  assert scan.spacing == pytest.approx(5, abs=1e-3)
  assert not scan.notes


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_another_orientation_is_another_scan(write_series, axis):
  folder = write_series(
    [{'ImageOrientationPatient': _tilted(x, axis)} for x in [0, 1.5, 0, 1.5]]
  )
  found, _ = _found(folder)
  assert [len(x) for x in found] == [2, 2]
  assert all('another orientation' in x.notes[0] for x in found)


def test_groups_of_orientations_do_not_depend_on_their_order():
  angles = [0, 0.7, 1.4, 5, 5.9, 10]
  rows = np.array([_tilted(x) for x in angles])
  expected = np.array([0, 0, 0, 1, 1, 2])
  for seed in range(5):
    order = np.random.default_rng(seed).permutation(len(rows))
    numbers = orientation.groups(rows[order])
    same = numbers[:, np.newaxis] == numbers
    np.testing.assert_array_equal(
      same, expected[order][:, np.newaxis] == expected[order]
    )


def test_a_slice_without_an_orientation_lies_as_the_others(
  tmp_path, chest, write_dicom, to_gray
):
  turned = [-1, 0, 0, 0, -1, 0]
  for z in range(3):
    write_dicom(
      tmp_path / f'{z}',
      chest(48, seed=z)[::-1, ::-1],
      ImagePositionPatient=[0, 0, z],
      ImageOrientationPatient=None if z == 1 else turned,
    )
  with scans.find(tmp_path) as found:
    (scan,) = found.scans
    assert scan.is_ordered
    assert not scan.has_sides
    for z, each in enumerate(reversed(scan.slices)):
      np.testing.assert_array_equal(
        each.read().gray, to_gray(chest(48, seed=z))
      )
  (note,) = scan.notes
  assert 'as others of their series: slice 2' in note


@pytest.mark.parametrize(
  'directions',
  [
    [1, 0, 0, 0, 1, 0],  # On the back, head first.
    [-1, 0, 0, 0, -1, 0],  # On the belly.
    [-1, 0, 0, 0, 1, 0],  # On the back, stored as seen from above.
    [0, 1, 0, 1, 0, 0],  # On a side.
  ],
)
@pytest.mark.parametrize('side', ['R', 'L', 'A', 'P'])
def test_marked_sides_are_those_of_the_patient(
  tmp_path, write_dicom, directions, side
):
  along, down = np.array(directions, float).reshape(2, 3)
  # DICOM's x is to the left, its y to the back; [0, 0, 0] is in the middle.
  rows, columns = np.mgrid[:48, :48] - 23.5
  place = columns[..., None] * along + rows[..., None] * down
  axis, sign = {'R': (0, -1), 'L': (0, 1), 'A': (1, -1), 'P': (1, 1)}[side]
  hounsfield = np.where(sign * place[..., axis] > 20, 3000, -1000)
  write_dicom(
    tmp_path / 'a',
    hounsfield,
    ImageOrientationPatient=directions,
    ImagePositionPatient=(-23.5 * along - 23.5 * down).tolist(),
    PixelSpacing=[1, 1],
  )
  with scans.find(tmp_path) as found:
    (scan,) = found.scans
    gray = scan.slices[0].read().gray
  assert scan.has_sides
  # Where the page and the montage write each letter.
  edges = {'R': gray[:, 0], 'L': gray[:, -1], 'A': gray[0], 'P': gray[-1]}
  bright = [name for name, edge in edges.items() if (edge == 255).all()]
  assert bright == [side]


def test_without_any_orientation_slices_are_not_ordered(write_series):
  folder = write_series(
    [{'ImageOrientationPatient': None, 'InstanceNumber': i} for i in (2, 1)]
  )
  (scan,), _ = _found(folder)
  assert not scan.is_ordered
  assert not scan.has_sides
  assert 'no position (slices 1-2)' in scan.notes[0]
  assert 'shown as they are stored: slices 1-2' in scan.notes[1]


def test_names_are_ordered_as_people_do(tmp_path, chest, write_dicom):
  for i in (10, 9, 1, 2):
    write_dicom(
      tmp_path / f'IM{i}', chest(48, seed=i), ImagePositionPatient=None
    )
  (scan,), _ = _found(tmp_path)
  names = [os.path.basename(x.name) for x in scan.slices]
  assert names == ['IM1', 'IM2', 'IM9', 'IM10']


@pytest.mark.parametrize(
  ('tags', 'notes'),
  [
    (lambda i: {'SliceThickness': 5, 'ConvolutionKernel': 'B30f'}, []),
    (
      lambda i: {'SliceThickness': 5 if i < 3 else 4},
      ['Mixed slice thickness: 5 mm (slices 1-3); 4 mm (slices 4-6).'],
    ),
    (
      lambda i: {'ConvolutionKernel': 'B70f' if i % 2 else ['B30f', '2']},
      [
        'Mixed convolution kernels: B30f/2 (slices 1, 3, 5); B70f (slices 2, '
        '4, 6).'
      ],
    ),
    (
      lambda i: {'SliceThickness': 1 if i == 1 else None},
      [
        'Thinner than the usual distance, with gaps that were not scanned: '
        'slice 2.'
      ],
    ),
    (
      lambda i: {'ImageOrientationPatient': _tilted(20)},
      ['Tilted gantry, by up to 20 degrees: slices 1-6.'],
    ),
    (
      lambda i: {'GantryDetectorTilt': -15 if i > 3 else 0},
      ['Tilted gantry, by up to 15 degrees: slices 5-6.'],
    ),
    (
      lambda i: {'ImagePositionPatient': [0, 0, -5 * (i + 2 * (i > 3))]},
      [
        '1 gap between neighbouring slices of more than 1.5 times the usual 5 '
        'mm: 15 mm between slices 4 and 5 (as if 2 were missing).'
      ],
    ),
    (
      lambda i: {'ImagePositionPatient': [0, 0, -5 * i - 3 * (i > 1)]},
      [
        '1 gap between neighbouring slices of more than 1.5 times the usual 5 '
        'mm: 8 mm between slices 2 and 3.'
      ],
    ),
    (
      lambda i: {'ImagePositionPatient': [0, 0, -5 * min(i, 4)]},
      [
        'Slices with the position of another one: 1 (slice 6). The series may '
        'hold several scans of the same region.'
      ],
    ),
  ],
)
def test_each_property_is_noted_once_with_its_slices(write_series, tags, notes):
  assert _notes(write_series([tags(i) for i in range(6)])) == notes


def test_a_note_of_many_slices_stays_short():
  assert dicom_notes._named(range(0, 100, 2)).endswith('21, 23, ...')


def test_a_slice_of_a_file_that_was_replaced_is_not_read(
  tmp_path, chest, write_dicom
):
  path = write_dicom(tmp_path / 'a', chest(48))
  with scans.find(path) as found:
    write_dicom(path, chest(52))
    with pytest.raises(scans.UnreadableError, match='was changed'):
      found.scans[0].slices[0].read()
