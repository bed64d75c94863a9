# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Each row of the table of DICOM elements in docs/scans.md, on drawn files."""

import pathlib
import re
import warnings

import numpy as np
import pydicom
import pydicom.datadict
import pydicom.filebase
import pydicom.filewriter
import pytest

from input_pipeline import scans

_ROOT = pathlib.Path(__file__).parents[3]
# What the drawn files have, in addition to what the fixture gives them.
_MORE = {
  'ConvolutionKernel': 'B30f',
  'FrameType': ['ORIGINAL', 'PRIMARY', 'VOLUME', 'NONE'],
  'GantryDetectorTilt': 0,
  'InstanceNumber': 1,
  'NumberOfFrames': 1,
  'PixelPaddingRangeLimit': 63000,
  'PixelPaddingValue': 63536,
  'PixelSpacing': [0.7, 0.7],
  'RescaleType': 'HU',
  'SliceThickness': 5,
  'StudyInstanceUID': '1.2.3',
}
# The reason for which a file is refused without an element; None if it is read
# as if it were there.
_IF_MISSING = {
  'BitsAllocated': 'BitsAllocated is missing',
  'BitsStored': 'BitsStored is missing',
  'BodyPartExamined': None,
  'Columns': 'Columns is missing',
  'ConvolutionKernel': None,
  'FrameType': None,
  'GantryDetectorTilt': None,
  'HighBit': None,
  'ImageOrientationPatient': None,
  'ImagePositionPatient': None,
  'ImageType': None,
  'InstanceNumber': None,
  'Modality': 'no modality',
  'NumberOfFrames': None,
  'PatientID': None,
  'PatientName': None,
  'PhotometricInterpretation': 'expected gray CT slices',
  'PixelPaddingRangeLimit': None,
  'PixelPaddingValue': None,
  'PixelRepresentation': 'PixelRepresentation is missing',
  'PixelSpacing': None,
  'RescaleIntercept': 'no rescale slope and intercept',
  'RescaleSlope': 'no rescale slope and intercept',
  'RescaleType': None,
  'Rows': 'it holds no image',
  'SOPClassUID': None,
  'SOPInstanceUID': None,
  'SamplesPerPixel': None,
  'SeriesInstanceUID': None,
  'SliceThickness': None,
  'StudyInstanceUID': None,
}
# Elements whose rows have tests of their own below.
_APART = (
  *('DirectoryRecordSequence', 'PerFrameFunctionalGroupsSequence'),
  *('PixelData', 'SharedFunctionalGroupsSequence', 'TransferSyntaxUID'),
)


def _rows():
  text = (_ROOT / 'docs' / 'scans.md').read_text()
  section = text.split('## The header of a DICOM file\n')[1].split('\n## ')[0]
  return re.findall(r'^\| `(\w+)` \|', section, re.MULTILINE)


def _edit(path, change):
  """Changes the header of a file in place."""
  dataset = pydicom.dcmread(path)
  change(dataset)
  with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    dataset.save_as(path)


@pytest.fixture
def drawn(tmp_path, chest, write_dicom):
  """Writes a file with all elements; returns its path."""

  def write(name='a.dcm', seed=0, **tags):
    return write_dicom(tmp_path / name, chest(64, seed=seed), **(_MORE | tags))

  return write


def _outcome(path):
  """Returns the slices of each scan, the notes and the reasons."""
  with scans.find(path) as found:
    grays = [[x.read().gray for x in scan.slices] for scan in found.scans]
    notes = [note for scan in found.scans for note in scan.notes]
    return grays, notes, [x.reason for x in found.refused]


def _check_refused(path, reason):
  grays, _, reasons = _outcome(path)
  assert not grays
  assert len(reasons) == 1
  assert reason in reasons[0]
  assert '\n' not in reasons[0]


def test_the_table_has_all_elements_that_are_read():
  folder = _ROOT / 'input_pipeline' / 'scans'
  named = {
    word
    for path in folder.glob('dicom_*.py')
    for word in re.findall(r"'([A-Z]\w+)'", path.read_text())
    if pydicom.datadict.tag_for_keyword(word)
  }
  # The sequences of the groups are the way to elements, which have rows.
  groups = {'PlanePositionSequence', 'PixelValueTransformationSequence'}
  assert groups < named
  elements = {x for x in named if not x.endswith('Sequence')}
  assert elements <= set(_rows())
  assert sorted(_rows()) == sorted({*_IF_MISSING, *_APART})


@pytest.mark.parametrize('is_empty', [False, True])
@pytest.mark.parametrize('element', _IF_MISSING)
def test_missing_and_empty_elements(drawn, chest, to_gray, element, is_empty):
  def change(dataset):
    if is_empty:
      dataset[element].value = None
    else:
      del dataset[element]

  path = drawn()
  _edit(path, change)
  if _IF_MISSING[element] is not None:
    _check_refused(path, _IF_MISSING[element])
    return
  ((gray,),), _, refused = _outcome(path)
  assert not refused
  np.testing.assert_array_equal(gray, to_gray(chest(64)))


@pytest.mark.parametrize('element', sorted({*_IF_MISSING} - {'SOPClassUID'}))
def test_an_element_that_is_in_the_file_twice(drawn, element):
  path = drawn(ImageType=['ORIGINAL', 'PRIMARY'])
  if element == 'ImageType':
    _edit(path, lambda dataset: dataset.__delattr__('FrameType'))
  stream = pydicom.filebase.DicomBytesIO()
  stream.is_little_endian, stream.is_implicit_VR = True, False
  pydicom.filewriter.write_data_element(stream, pydicom.dcmread(path)[element])
  written = stream.getvalue()
  content = path.read_bytes()
  assert written in content
  path.write_bytes(content.replace(written, 2 * written, 1))
  _check_refused(path, f'{element} twice')


@pytest.mark.parametrize(
  ('tags', 'reason'),
  [
    ({'BitsAllocated': 12}, 'contradict each other'),
    ({'BitsStored': 17, 'HighBit': 16}, 'contradict each other'),
    ({'BodyPartExamined': ['HEAD', 'NECK']}, 'the body part is HEAD'),
    ({'Columns': 66}, 'the end is missing'),
    ({'FrameType': ['DERIVED', 'SCOUT']}, 'a localizer'),
    ({'FrameType': None, 'ImageType': 'LOCALIZER'}, 'a localizer'),
    ({'FrameType': None, 'ImageType': ['A', 'TOPOGRAM']}, 'a localizer'),
    ({'HighBit': 11}, 'contradict each other'),
    ({'ImageOrientationPatient': [1, 0, 0, 1, 0, 0]}, 'perpendicular'),
    ({'ImageOrientationPatient': [1, 0, 0]}, '3 numbers where 6 belong'),
    ({'ImagePositionPatient': [1, 2]}, '2 numbers where 3 belong'),
    ({'Modality': ['CT', 'MR']}, 'Modality has 2 values where one belongs'),
    ({'NumberOfFrames': 2}, 'the end is missing'),
    ({'PhotometricInterpretation': 'RGB'}, 'expected gray CT slices'),
    (
      {
        'PixelRepresentation': 2,
        'PixelPaddingValue': None,
        'PixelPaddingRangeLimit': None,
      },
      'contradict each other',
    ),
    ({'PixelSpacing': [0.7, 0]}, 'expected sizes above 0'),
    ({'PixelSpacing': [0.5, 1.5]}, 'more than 2 to 1'),
    ({'RescaleSlope': -1}, 'rescale slope is -1'),
    ({'RescaleSlope': [1, 2]}, '2 numbers where 1 belong'),
    ({'RescaleType': 'MGML'}, 'no Hounsfield units (RescaleType MGML)'),
    ({'RescaleType': 'hu_mod'}, 'no Hounsfield units (RescaleType HU_MOD)'),
    ({'Rows': 32}, 'pixels have 8,192 bytes and need 4,096'),
    ({'SamplesPerPixel': 3}, 'expected gray CT slices'),
  ],
)
def test_contradictions_are_refused(drawn, tags, reason):
  _check_refused(drawn(**tags), reason)


@pytest.mark.parametrize(
  'tags',
  [
    {'BodyPartExamined': ['HEAD', 'CHEST']},
    {'ConvolutionKernel': ['B30f', '3']},
    {'FrameType': ['A', 'VOLUME'], 'ImageType': 'LOCALIZER'},
    {'PixelPaddingValue': None, 'PixelPaddingRangeLimit': 0},
    {'RescaleType': 'US'},
    {'RescaleType': 'hu '},
  ],
)
def test_contradictions_that_are_read(drawn, chest, to_gray, tags):
  ((gray,),), notes, refused = _outcome(drawn(**tags))
  assert not notes
  assert not refused
  np.testing.assert_array_equal(gray, to_gray(chest(64)))


@pytest.mark.parametrize(
  ('one', 'other', 'lengths'),
  [
    # Two patients never become one, whatever tells them apart.
    ({}, {'PatientID': 'other'}, [1, 1]),
    ({}, {'PatientName': 'Roe^John'}, [1, 1]),
    ({}, {'StudyInstanceUID': '1.2.4'}, [1, 1]),
    ({}, {'SeriesInstanceUID': '1.2.5'}, [1, 1]),
    # The same patient, written in two ways or left out once.
    ({'PatientID': 'p7'}, {'PatientID': ' P7'}, [2]),
    ({'PatientName': 'Doé^Jane'}, {'PatientName': 'DOE\u0301^JANE^^'}, [2]),
    ({}, {'PatientID': None, 'PatientName': '', 'StudyInstanceUID': None}, [2]),
    ({'PatientID': ['a', 'b']}, {'PatientID': ['a', 'b']}, [2]),
    ({}, {'SOPInstanceUID': '1.2.3'}, [2]),
  ],
)
def test_who_is_one_patient(drawn, one, other, lengths):
  charset = {'SpecificCharacterSet': 'ISO_IR 192'}
  drawn('a', 0, ImagePositionPatient=[0, 0, 0], **one, **charset)
  path = drawn('b', 1, ImagePositionPatient=[0, 0, 5], **other, **charset)
  grays, notes, refused = _outcome(path.parent)
  assert [len(x) for x in grays] == lengths
  assert not refused
  is_shared = len(grays) == 2 and 'SeriesInstanceUID' not in other
  assert any('another patient or study' in x for x in notes) == is_shared


@pytest.mark.parametrize('kind', ['MONOCHROME1', 'MONOCHROME2'])
@pytest.mark.parametrize(
  ('is_signed', 'padding', 'tags'),
  [
    (False, 63536, {'PixelPaddingValue': ('US', 63536)}),
    # The same bits, but written as a signed number, and the other way.
    (False, 63536, {'PixelPaddingValue': ('SS', -2000)}),
    (True, -1500, {'PixelPaddingValue': ('US', 64036)}),
    (True, 3000, {'PixelPaddingValue': ('SS', 3000)}),
    (
      False,
      6050,
      {
        'PixelPaddingValue': ('US', 6000),
        'PixelPaddingRangeLimit': ('US', 6100),
      },
    ),
    (
      True,
      2500,
      {
        'PixelPaddingValue': ('SS', 3000),
        'PixelPaddingRangeLimit': ('SS', 2400),
      },
    ),
  ],
)
def test_padding_becomes_black(
  drawn, chest, to_gray, is_signed, padding, tags, kind
):
  y, x = np.mgrid[:64, :64] - 31.5
  outside = x**2 + y**2 > 28**2
  # Values of half a Hounsfield unit, so that padding must not be rescaled.
  stored = 2 * (chest(64).astype(int) + 1024 * (not is_signed))
  stored[outside] = padding
  path = drawn(
    PixelData=stored.astype('<i2' if is_signed else '<u2').tobytes(),
    PixelRepresentation=int(is_signed),
    RescaleSlope='0.5',
    RescaleIntercept=-1024 * (not is_signed),
    PhotometricInterpretation=kind,
    PixelPaddingValue=None,
    PixelPaddingRangeLimit=None,
  )

  def change(dataset):
    for name, (representation, value) in tags.items():
      dataset.add_new(name, representation, value)

  _edit(path, change)
  ((gray,),), _, _ = _outcome(path)
  np.testing.assert_array_equal(
    gray, to_gray(np.where(outside, -3000, chest(64)))
  )


def test_inverted_values_are_told_without_the_padding(drawn, chest, to_gray):
  y, x = np.mgrid[:64, :64] - 31.5
  # Only tissue and lungs are left.
  outside = x**2 + y**2 > 20**2
  for is_turned in (False, True):
    stored = chest(64).astype(int) + 1024
    stored = 4095 - stored if is_turned else stored
    stored[outside] = 63536
    path = drawn(
      PixelData=stored.astype('<u2').tobytes(),
      PhotometricInterpretation='MONOCHROME1',
      BitsStored=12,
      HighBit=11,
    )
    ((gray,),), _, _ = _outcome(path)
    np.testing.assert_array_equal(
      gray, to_gray(np.where(outside, -3000, chest(64)))
    )


def test_bits_that_are_not_used_do_not_count(drawn, chest, to_gray):
  values = np.array(chest(64), np.int16)
  overlay = np.arange(64, dtype=np.uint16) % 2 << 13
  path = drawn(
    PixelData=(values.view(np.uint16) & 0x1FFF | overlay).tobytes(),
    PixelRepresentation=1,
    BitsStored=13,
    HighBit=12,
    RescaleIntercept=0,
    PixelPaddingValue=None,
    PixelPaddingRangeLimit=None,
  )
  ((gray,),), _, _ = _outcome(path)
  np.testing.assert_array_equal(gray, to_gray(values))


def test_pixels_that_are_not_square_are_resampled(drawn, chest, to_gray):
  values = chest(64)
  tall = {'PixelSpacing': [1.4, 0.7], 'Rows': 32}
  path = drawn(PixelData=(values[::2] + 1024).astype('<u2').tobytes(), **tall)
  ((gray,),), _, _ = _outcome(path)
  assert gray.shape == (64, 64)
  # The two differ by what lies between the rows that were left out.
  assert np.median(abs(gray - to_gray(values).astype(float))) < 4


def test_an_index_of_files_is_refused(drawn):
  def change(dataset):
    dataset.DirectoryRecordSequence = [pydicom.Dataset()]

  path = drawn()
  _edit(path, change)
  _check_refused(path, 'DICOMDIR')


def test_without_kind_and_without_pixels(drawn):
  def change(dataset):
    del dataset.Modality
    del dataset.SOPClassUID

  path = drawn()
  _edit(path, change)
  _check_refused(path, 'damaged')
  path = drawn()
  _edit(path, lambda dataset: dataset.__delattr__('PixelData'))
  _check_refused(path, 'its pixels are missing')


@pytest.fixture
def write_frames(drawn, chest):
  """Writes an enhanced file of four frames; `change` is given the third."""

  def write(change, **tags):
    frames = []
    for i in range(4):
      frame = pydicom.Dataset()
      for group, elements in {
        'PlanePosition': {'ImagePositionPatient': [0, 0, -5 * i]},
        'PlaneOrientation': {'ImageOrientationPatient': [1, 0, 0, 0, 1, 0]},
        'PixelValueTransformation': {'RescaleSlope': 1, 'RescaleType': 'HU'},
      }.items():
        item = pydicom.Dataset()
        for name, value in elements.items():
          setattr(item, name, value)
        setattr(frame, f'{group}Sequence', [item])
      frames.append(frame)
    change(frames[2])
    shared, scale = pydicom.Dataset(), pydicom.Dataset()
    scale.RescaleIntercept = -1024
    shared.PixelValueTransformationSequence = [scale]
    return drawn(
      PixelData=np.stack([chest(64, seed=i) + 1024 for i in range(4)])
      .astype('<u2')
      .tobytes(),
      **{
        'NumberOfFrames': 4,
        'PerFrameFunctionalGroupsSequence': frames,
        'SharedFunctionalGroupsSequence': [shared],
        'RescaleSlope': 7,
        'RescaleIntercept': 8,
      }
      | tags,
    )

  return write


def _set(group, name, value):
  """Returns a function that changes an element of a frame."""

  def change(frame):
    if f'{group}Sequence' not in frame:
      setattr(frame, f'{group}Sequence', [pydicom.Dataset()])
    setattr(frame[f'{group}Sequence'][0], name, value)

  return change


@pytest.mark.parametrize(
  ('change', 'reason'),
  [
    (
      _set('PlaneOrientation', 'ImageOrientationPatient', [1, 0, 0, 0, 0, -1]),
      'not an axial slice',
    ),
    (
      _set('PlanePosition', 'ImagePositionPatient', [1, 2]),
      '2 numbers where 3 belong',
    ),
    (
      _set('CTImageFrameType', 'FrameType', ['ORIGINAL', 'LOCALIZER']),
      'a localizer',
    ),
    (_set('PixelMeasures', 'PixelSpacing', [1, 3]), 'more than 2 to 1'),
    (
      _set('PixelValueTransformation', 'RescaleType', 'Z_EFF'),
      'no Hounsfield units',
    ),
    (
      _set('PixelValueTransformation', 'RescaleSlope', 0),
      'expected one above 0',
    ),
  ],
)
def test_a_frame_that_is_out_of_line_is_named(
  write_frames, chest, to_gray, change, reason
):
  path = write_frames(change)
  with scans.find(path) as found:
    (scan,) = found.scans
    for each, i in zip(scan.slices, [0, 1, 3], strict=True):
      assert each.name == f'{path}, frame {i + 1}'
      np.testing.assert_array_equal(
        each.read().gray, to_gray(chest(64, seed=i))
      )
    (refused,) = found.refused
  assert refused.name == f'{path}, frame 3'
  assert reason in refused.reason


def test_a_frame_of_another_orientation_is_a_scan_of_its_own(write_frames):
  tilted = [1, 0, 0, 0, 0.984808, 0.173648]
  path = write_frames(
    _set('PlaneOrientation', 'ImageOrientationPatient', tilted)
  )
  with scans.find(path) as found:
    assert [len(x) for x in found.scans] == [3, 1]
    assert len({x.id for x in found.scans}) == 2
    assert 'another orientation' in found.scans[0].notes[0]


def test_groups_that_contradict_the_number_of_frames(write_frames):
  path = write_frames(lambda frame: None)
  _edit(path, lambda x: x.PerFrameFunctionalGroupsSequence.pop())
  _check_refused(path, 'NumberOfFrames is 4, but its header describes 3')


def test_a_copied_file_whose_frames_are_two_scans_is_refused_once(
  tmp_path, write_frames
):
  turned = _set(
    'PlaneOrientation', 'ImageOrientationPatient', [-1, 0, 0, 0, 1, 0]
  )
  content = write_frames(turned).read_bytes()
  folder = tmp_path / 'given'
  folder.mkdir()
  for name in ('a', 'b'):
    (folder / name).write_bytes(content)
  with scans.find(folder) as found:
    assert sorted(map(len, found.scans)) == [1, 3]
    (refused,) = found.refused
    assert (found.num_files, found.num_used) == (2, 1)
  assert 'a copy of another file' in refused.reason
