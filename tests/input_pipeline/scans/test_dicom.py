# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""DICOM files and series: order, values, and what is refused."""

import pathlib
import shutil

import numpy as np
import pydicom
import pydicom.filebase
import pydicom.filewriter
import pytest

from input_pipeline import scans
from input_pipeline.scans import decoder
from input_pipeline.scans import limits


def _only(path):
  """Returns the only scan's grays, and what was refused."""
  with scans.find(path) as found:
    (scan,) = found.scans
    return [x.read().gray for x in scan.slices], found.refused


def _reason(path):
  with scans.find(path) as found:
    assert not found.scans
    (refused,) = found.refused
  return refused


def test_slices_come_from_head_to_feet_under_the_window(
  tmp_path, chest, write_dicom, to_gray
):
  slices = [chest(64, seed=i) for i in range(4)]
  # Names and numbers say otherwise.
  for i, z in enumerate([-5, 10, 0, 5]):
    write_dicom(
      tmp_path / f'{i}.dcm',
      slices[i],
      ImagePositionPatient=[0, 0, z],
      InstanceNumber=i,
    )
  with scans.find(tmp_path) as found:
    (scan,) = found.scans
    assert [x.position for x in scan.slices] == [10, 5, 0, -5]
    assert (scan.spacing, scan.notes, scan.source) == (5, (), 'dicom')
    assert scan.is_ordered
    for each, i in zip(scan.slices, [1, 3, 2, 0], strict=True):
      np.testing.assert_array_equal(each.read().gray, to_gray(slices[i]))
    assert not found.refused
  with scans.find(tmp_path, window=(40, 400)) as found:
    gray = found.scans[0].slices[0].read().gray
    assert gray.min() == 0
    assert found.scans[0].window == (40, 400)


def test_slope_signed_values_and_orientation(
  tmp_path, chest, write_dicom, to_gray
):
  values = chest(64)
  write_dicom(
    tmp_path / 'a',
    values[::-1, ::-1],
    PixelData=(values[::-1, ::-1] * 2).astype('<i2').tobytes(),
    PixelRepresentation=1,
    RescaleSlope='0.5',
    RescaleIntercept=0,
    ImageOrientationPatient=[-1, 0, 0, 0, -1, 0],
  )
  (gray,), _ = _only(tmp_path)
  np.testing.assert_array_equal(gray, to_gray(values))


@pytest.mark.parametrize('is_turned', [False, True])
def test_monochrome1(tmp_path, chest, write_dicom, to_gray, is_turned):
  values = chest(64)
  stored = values.astype(int) + 1024
  if is_turned:
    stored = 4095 - stored
  write_dicom(
    tmp_path / 'a.dcm',
    values,
    PixelData=stored.astype('<u2').tobytes(),
    PhotometricInterpretation='MONOCHROME1',
    BitsStored=12,
    HighBit=11,
  )
  (gray,), _ = _only(tmp_path)
  np.testing.assert_array_equal(gray, to_gray(values))


def test_frames_of_one_file_have_their_own_place_and_scale(
  tmp_path, chest, write_dicom, to_gray
):
  slices = np.stack([chest(64, seed=i) for i in range(3)])
  groups = []
  for z in (0, 20, 10):
    group, position, scale = (pydicom.Dataset() for _ in range(3))
    position.ImagePositionPatient = [0, 0, z]
    scale.RescaleSlope, scale.RescaleIntercept = 1, -1024
    group.PlanePositionSequence = [position]
    group.PixelValueTransformationSequence = [scale]
    groups.append(group)
  shared, plane = pydicom.Dataset(), pydicom.Dataset()
  plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
  shared.PlaneOrientationSequence = [plane]
  write_dicom(
    tmp_path / 'a.dcm',
    slices,
    NumberOfFrames=3,
    PerFrameFunctionalGroupsSequence=groups,
    SharedFunctionalGroupsSequence=[shared],
    RescaleSlope=None,
    RescaleIntercept=None,
    ImagePositionPatient=None,
    ImageOrientationPatient=None,
  )
  with scans.find(tmp_path) as found:
    (scan,) = found.scans
    assert [x.position for x in scan.slices] == [20, 10, 0]
    assert scan.slices[0].name.endswith('a.dcm, frame 2')
    for each, i in zip(scan.slices, [1, 2, 0], strict=True):
      np.testing.assert_array_equal(each.read().gray, to_gray(slices[i]))


def test_series_are_told_apart_and_copies_left_out(
  tmp_path, chest, write_dicom
):
  for series in '12':
    for z in range(2):
      write_dicom(
        tmp_path / f'{series}_{z}',
        chest(64, seed=z),
        SeriesInstanceUID=f'1.2.{series}',
        ImagePositionPatient=[0, 0, z],
      )
  shutil.copy(tmp_path / '1_0', tmp_path / 'copy')
  with scans.find(tmp_path) as found:
    assert [len(x) for x in found.scans] == [2, 2]
    assert len({x.id for x in found.scans}) == 2
    (refused,) = found.refused
    assert refused.reason == 'a copy of another file of its series'
    assert refused.cause == 'other'


def test_without_positions_numbers_and_then_names_order(
  tmp_path, chest, write_dicom
):
  for name, number in (('a', 2), ('b', 1)):
    write_dicom(
      tmp_path / name,
      chest(64, seed=number),
      ImagePositionPatient=None,
      InstanceNumber=number,
    )
  with scans.find(tmp_path) as found:
    (scan,) = found.scans
    assert [pathlib.Path(x.name).name for x in scan.slices] == ['b', 'a']
    assert 'instance numbers' in scan.notes[0]
    assert not scan.is_ordered


def test_gaps_and_repeated_positions_are_noted(tmp_path, chest, write_dicom):
  for i, z in enumerate([0, 2, 4, 10, 10]):
    write_dicom(
      tmp_path / str(i), chest(64, seed=i), ImagePositionPatient=[0, 0, z]
    )
  with scans.find(tmp_path) as found:
    text = ' '.join(found.scans[0].notes)
  assert 'Slices with the position of another one: 1 (slice 2).' in text
  assert '1 gap between neighbouring slices' in text
  assert '6 mm between slices 2 and 3 (as if 2 were missing)' in text


def test_ids_hold_nothing_of_the_patient_and_do_not_change(
  tmp_path, chest, write_dicom
):
  first = write_dicom(tmp_path / 'Doe_Jane.dcm', chest(64))
  second = tmp_path / 'elsewhere'
  second.mkdir()
  shutil.copy(first, second / 'x')
  ids = []
  for path in (first, second):
    with scans.find(path) as found:
      ids.append(found.scans[0].id)
  assert ids[0] == ids[1]
  assert len(ids[0]) == 12
  int(ids[0], 16)


@pytest.mark.parametrize(
  ('tags', 'reason'),
  [
    ({'Modality': 'MR'}, 'the modality is MR; expected CT'),
    ({'Modality': None}, 'has no modality'),
    ({'ImageType': ['ORIGINAL', 'PRIMARY', 'LOCALIZER']}, 'a localizer'),
    ({'BodyPartExamined': 'HEAD'}, 'the body part is HEAD'),
    ({'ImageOrientationPatient': [1, 0, 0, 0, 0, -1]}, 'not an axial slice'),
    ({'RescaleIntercept': None}, 'no Hounsfield units'),
    ({'Rows': None, 'PixelData': b''}, 'it holds no image'),
  ],
)
def test_what_is_no_chest_ct_is_refused(
  tmp_path, chest, write_dicom, tags, reason
):
  refused = _reason(write_dicom(tmp_path / 'a.dcm', chest(64), **tags))
  assert reason in refused.reason
  assert refused.cause == 'other'


@pytest.mark.parametrize(
  ('tags', 'reason'),
  [
    ({'Rows': 60_000, 'Columns': 60_000}, 'at most'),
    ({'NumberOfFrames': 90_000}, 'at most'),
    ({'Rows': 640}, 'the end is missing'),
    ({'RescaleSlope': 0}, 'rescale slope is 0'),
    ({'ImagePositionPatient': [1, 2]}, '2 numbers where 3 belong'),
  ],
)
def test_damaged_and_hostile_headers(
  tmp_path, chest, write_dicom, tags, reason
):
  refused = _reason(write_dicom(tmp_path / 'a.dcm', chest(64), **tags))
  assert reason in refused.reason
  assert refused.cause == 'damaged'


_SYNTAXES = {
  'implicit': 'ImplicitVRLittleEndian',
  'explicit': 'ExplicitVRLittleEndian',
  'big-endian': 'ExplicitVRBigEndian',
  'deflated': 'DeflatedExplicitVRLittleEndian',
  'JPEG lossless': 'JPEGLosslessProcess14_1',
  'JPEG lossless 14': 'JPEGLosslessProcess14',
  'JPEG-LS': 'JPEGLSLossless',
  'JPEG 2000': 'JPEG2000Lossless',
  'RLE': 'RLELossless',
}


@pytest.mark.parametrize('syntax', _SYNTAXES)
def test_each_transfer_syntax_reads_the_same_and_names_what_is_cut(
  tmp_path, chest, write_dicom, transcode, to_gray, syntax, monkeypatch
):
  # The decoder of JPEG-LS may go on for long at the end of a file.
  monkeypatch.setattr(limits, 'DECODING_SECONDS', 1.0)
  plain = write_dicom(tmp_path / 'plain.dcm', chest(64))
  path = transcode(plain, tmp_path / 'a.dcm', _SYNTAXES[syntax])
  (gray,), _ = _only(path)
  np.testing.assert_array_equal(gray, to_gray(chest(64)))
  path.write_bytes(path.read_bytes()[:-900])
  with scans.find(path) as found:
    if found.refused:
      assert found.refused[0].cause == 'damaged'
      assert found.refused[0].name == str(path)
    else:
      text = r'a\.dcm: its pixels'
      if syntax == 'JPEG-LS':
        text += r'|a\.dcm: decoding it takes more than 1 s'
      with pytest.raises(scans.UnreadableError, match=text):
        found.scans[0].slices[0].read()


def test_a_decoder_that_dies_takes_nothing_with_it(
  tmp_path, chest, write_dicom, transcode, to_gray
):
  plain = write_dicom(tmp_path / 'plain.dcm', chest(64))
  path = transcode(plain, tmp_path / 'a.dcm', _SYNTAXES['JPEG-LS'])
  _only(path)
  decoder._decoder._process.kill()
  (gray,), _ = _only(path)
  np.testing.assert_array_equal(gray, to_gray(chest(64)))


def test_without_the_preamble(tmp_path, chest, write_dicom, to_gray):
  dataset = pydicom.dcmread(write_dicom(tmp_path / 'a.dcm', chest(64)))
  path = tmp_path / 'b.dcm'
  with path.open('wb') as file:
    stream = pydicom.filebase.DicomFileLike(file)
    stream.is_little_endian, stream.is_implicit_VR = True, True
    pydicom.filewriter.write_dataset(stream, dataset)
  (gray,), _ = _only(path)
  np.testing.assert_array_equal(gray, to_gray(chest(64)))


def test_changed_bytes_end_in_errors_that_name_the_file(
  tmp_path, chest, write_dicom, transcode
):
  plain = write_dicom(tmp_path / 'plain.dcm', chest(64))
  source = transcode(plain, tmp_path / 'b.dcm', _SYNTAXES['JPEG lossless'])
  generator = np.random.default_rng(0)
  path = tmp_path / 'a.dcm'
  for content in (plain.read_bytes(), source.read_bytes()):
    for _ in range(40):
      changed = bytearray(content)
      for _ in range(6):
        place = generator.integers(132, len(changed))
        changed[place] = generator.integers(256)
      path.write_bytes(changed)
      with scans.find(path) as found:
        assert len(found.scans) + len(found.refused) == 1
        for each in (x for scan in found.scans for x in scan.slices):
          error = _error_of(each)
          assert error is None or str(path) in str(error)
          assert error is None or str(path) not in error.reason


def _error_of(each):
  try:
    each.read()
  except scans.UnreadableError as error:
    return error


def test_real_slices_equal_the_pngs_of_covidx_ct(real_data):
  import csv

  from PIL import Image

  folder = real_data / 'covidx_ct_sample'
  png = {}
  with (folder / 'manifest.csv').open() as file:
    for row in csv.DictReader(file):
      name = f'{row["patient"]}/IM{int(row["dicom_instance"]):04d}.dcm'
      png[name] = folder / '3A_images' / row['file']
  compared = 0
  with scans.find(real_data / 'dicom_series') as found:
    assert sorted(len(x) for x in found.scans) == [131, 133]
    assert not found.refused
    for scan in found.scans:
      assert scan.spacing == pytest.approx(2)
      for each in scan.slices:
        expected = png.get('/'.join(pathlib.Path(each.name).parts[-2:]))
        if expected:
          np.testing.assert_array_equal(
            each.read().gray, np.asarray(Image.open(expected))
          )
          compared += 1
  assert compared == 98
