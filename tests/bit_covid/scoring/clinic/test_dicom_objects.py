# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""DICOM objects, read by pydicom and by highdicom's own readers."""

import dataclasses
import shutil
import stat
import subprocess

import numpy as np
import pydicom
import pytest

from bit_covid.base import version
from bit_covid.scoring.clinic import dicom_objects
from bit_covid.scoring.clinic import gradcam_volume
from input_pipeline import scans

highdicom = pytest.importorskip('highdicom', reason='needs the extra dicom')
pm_sop = pytest.importorskip('highdicom.pm.sop')

STUDY = '1.2.826.0.1.3680043.8.498.7'


def _write(folder, series, make_mapped, **options):
  """Returns the paths of map and report, and the result."""
  folder.mkdir(exist_ok=True)
  with scans.find(series) as found:
    result = make_mapped(found.scans[0], **options)
    paths = dicom_objects.write(
      folder, result, model_name='R50x1', notes=['It is not calibrated.']
    )
    volume = gradcam_volume.make(result, 1, result.scan.grid())
  return paths, result, volume


def test_both_belong_to_the_study_and_refer_to_all_images(
  write_placed_series, make_mapped, tmp_path
):
  series = write_placed_series(
    tmp_path / 'x',
    StudyDate='20200301',
    SpecificCharacterSet='ISO_IR 100',
    PatientName='Müller^Jane',
  )
  paths, result, _ = _write(tmp_path / 'out', series, make_mapped)
  assert [x.name for x in paths] == [
    f'{result.scan.id}_parametric_map.dcm',
    f'{result.scan.id}_structured_report.dcm',
  ]
  made = [pydicom.dcmread(x) for x in paths]
  images = {f'1.2.826.0.1.3680043.8.498.9.{i + 1}' for i in range(10)}
  for each, path in zip(made, paths, strict=True):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert each.StudyInstanceUID == STUDY
    assert str(each.PatientName) == 'Müller^Jane'
    assert each.PatientID == 'secret-17'
    assert each.StudyDate == '20200301'
    assert each.SeriesDescription.startswith('Research use only')
    assert each.SOPInstanceUID not in images
    assert images <= set(_values(each, 'ReferencedSOPInstanceUID'))
  of_map, of_report = made
  assert of_map.ContentQualification == 'RESEARCH'
  assert of_map.FrameOfReferenceUID == '1.2.826.0.1.3680043.8.498.8'
  assert of_report.VerificationFlag == 'UNVERIFIED'
  assert len({x.SeriesInstanceUID for x in made} | {STUDY}) == 3


def _values(dataset, keyword):
  return [x.value for x in dataset.iterall() if x.keyword == keyword]


# The series goes downwards, and so does the normal of mirrored slices.
@pytest.mark.parametrize(('along', 'is_upwards'), [(-1, False), (1, True)])
def test_each_frame_lies_where_its_image_does(
  write_placed_series, make_mapped, tmp_path, along, is_upwards
):
  directions = [along, 0, 0, 0, 1, 0]
  series = write_placed_series(
    tmp_path / 'x', ImageOrientationPatient=directions
  )
  (path, _), _, volume = _write(
    tmp_path / 'out', series, make_mapped, box=(40, 10, 80, 60), unscored=(3,)
  )
  read = pydicom.dcmread(path)
  pixels = np.frombuffer(read.FloatPixelData, '<f4').reshape(10, 80, 64)
  by_position = {}
  groups = read.PerFrameFunctionalGroupsSequence
  for group, frame in zip(groups, pixels, strict=True):
    place = tuple(group.PlanePositionSequence[0].ImagePositionPatient)
    source = group.DerivationImageSequence[0].SourceImageSequence[0]
    by_position[place] = source.ReferencedSOPInstanceUID, frame
  for i in range(10):
    source, frame = by_position[150.0, -120.5, 40 - 2.5 * i]
    assert source == f'1.2.826.0.1.3680043.8.498.9.{i + 1}'
    plane = volume[:, :, 9 - i if is_upwards else i]
    np.testing.assert_array_equal(frame, plane.T)
    assert frame.any() == (i != 3)
  (shared,) = read.SharedFunctionalGroupsSequence
  measures = shared.PixelMeasuresSequence[0]
  assert measures.PixelSpacing == [4, 5]
  assert measures.SpacingBetweenSlices == 2.5
  (plane,) = shared.PlaneOrientationSequence
  assert plane.ImageOrientationPatient == directions


def test_highdicom_reads_the_map_as_a_volume(
  write_placed_series, make_mapped, tmp_path
):
  series = write_placed_series(tmp_path / 'x')
  others = tuple(i for i in range(10) if i != 4)
  (path, _), _, volume = _write(
    tmp_path / 'out', series, make_mapped, unscored=others
  )
  read = pm_sop.pmread(path).get_volume()
  # Its axes are slices, rows and columns, in LPS.
  i, j, k = np.unravel_index(volume.argmax(), volume.shape)
  place = np.unravel_index(read.array.argmax(), read.array.shape)
  expected = [150.0 - 5 * i, -120.5 + 4 * j, 40 - 2.5 * k]
  np.testing.assert_allclose(
    read.affine @ [*place, 1], [*expected, 1], atol=1e-6
  )
  assert read.array.max() == volume.max()


def test_a_gap_has_no_frame(write_placed_series, make_mapped, tmp_path):
  series = write_placed_series(tmp_path / 'x')
  (series / 'Doe_Jane_4.dcm').unlink()
  (path, _), _, volume = _write(tmp_path / 'out', series, make_mapped)
  assert volume.shape[2] == 10
  assert pydicom.dcmread(path).NumberOfFrames == 9


def test_the_report_has_probabilities_and_who_computed_them(
  write_placed_series, make_mapped, tmp_path
):
  series = write_placed_series(tmp_path / 'x')
  (_, path), _, _ = _write(tmp_path / 'out', series, make_mapped, unscored=(3,))
  read = highdicom.sr.srread(path)
  (template,) = read.ContentTemplateSequence
  assert template.TemplateIdentifier == '1500'
  groups = read.content.get_image_measurement_groups()
  (group,) = groups
  measured = {
    x.name.meaning: (x.value, x.unit.value) for x in group.get_measurements()
  }
  assert measured == {
    'Probability of A': (0.25, '1'),
    'Probability of B/C': (0.75, '1'),
  }
  stated = {
    x.name.meaning: x.value.meaning for x in group.get_qualitative_evaluations()
  }
  assert stated == {
    'Intended use': 'Research use only, not for diagnosis',
    'Most probable class': 'B/C',
  }
  texts = _values(read, 'TextValue')
  assert 'bit_covid R50x1' in texts
  assert version.VERSION in texts
  assert 'mean of 9 of 10 slices' in texts
  assert 'It is not calibrated.' in texts
  assert len(group.source_images) == 10


@pytest.mark.filterwarnings('ignore:Invalid value')
def test_headers_against_the_rules_are_one_error(
  write_placed_series, make_mapped, tmp_path
):
  series = write_placed_series(tmp_path / 'x', PatientSex='FEMALE')
  with pytest.raises(ValueError, match='FEMALE'):
    _write(tmp_path / 'out', series, make_mapped)
  assert not list((tmp_path / 'out').iterdir())


def test_long_and_odd_names_of_classes_are_cut(
  write_placed_series, make_mapped, tmp_path
):
  series = write_placed_series(tmp_path / 'x')
  with scans.find(series) as found:
    result = dataclasses.replace(
      make_mapped(found.scans[0]), class_names=('A', 'β\\\n' + 80 * 'b')
    )
    paths = dicom_objects.write(
      tmp_path, result, model_name='tiny', notes=[500 * 'n']
    )
  for path in paths:
    description = pydicom.dcmread(path).SeriesDescription
    assert len(description) <= 64
    assert 'β' in pydicom.dcmread(paths[0]).SeriesDescription


def test_dciodvfy_finds_no_error(write_placed_series, make_mapped, tmp_path):
  program = shutil.which('dciodvfy')
  if program is None:
    pytest.skip('needs dciodvfy, of the Debian package dicom3tools')
  series = write_placed_series(tmp_path / 'x')
  paths, _, _ = _write(tmp_path / 'out', series, make_mapped)
  for path in paths:
    found = subprocess.run(
      [program, str(path)], capture_output=True, text=True, check=False
    )
    said = (found.stdout + found.stderr).splitlines()
    assert not [x for x in said if x.startswith('Error')]
    # What it takes the file for is its last line.
    assert {'ParametricMap', 'Comprehensive3DSR'} & set(said)
