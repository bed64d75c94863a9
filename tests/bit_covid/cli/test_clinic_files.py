# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""`predict` with --nifti, --dicom and --key, from a series to all files."""

import re
import stat
import types

import nibabel
import numpy as np
import pandas as pd
from PIL import Image
import pydicom
import pytest

from bit_covid import predict
from bit_covid.base import arguments as arguments_lib
from bit_covid.scoring.clinic import source_images

NAMES = ('Normal', 'CP', 'NCP')
# Of the patient, in the headers and names of `write_placed_series`.
SECRETS = (b'Doe', b'Jane', b'secret-17', b'1.2.826.')


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, random_params, save_checkpoint):
  params = random_params('tiny')
  # Features are not negative: all speaks for the first class.
  params['head']['kernel'] = np.abs(params['head']['kernel']) * [1, -1, -1]
  return save_checkpoint(tmp_path_factory.mktemp('run'), params)


@pytest.fixture(scope='module')
def series(tmp_path_factory, write_placed_series):
  return write_placed_series(tmp_path_factory.mktemp('Doe_Jane') / 'series')


@pytest.fixture
def run(checkpoint, tmp_path, capsys):
  """Runs `predict` into `results`; returns the code, and what it printed."""

  def call(*arguments):
    code = predict.main(
      [
        *map(str, arguments),
        f'--checkpoint={checkpoint}',
        f'--output={tmp_path / "results"}',
      ]
    )
    return code, capsys.readouterr()

  return call


def _assert_nothing_of_the_patient(folder):
  for path in folder.rglob('*'):
    content = path.read_bytes() + path.name.encode()
    # Pictures as text hold any three letters by chance.
    content = re.sub(rb'base64,[A-Za-z0-9+/=]+', b'', content)
    if path.name.endswith('.gz'):
      content += nibabel.load(path).to_bytes()
    for secret in SECRETS:
      assert secret not in content, path


def test_map_and_key_of_a_series(run, series, tmp_path):
  key = tmp_path / 'key.csv'
  code, printed = run(series, '--nifti', f'--key={key}')
  assert code == 0
  assert f'Key: {key} names the patients' in printed.out
  results = tmp_path / 'results'
  _assert_nothing_of_the_patient(results)
  table = pd.read_csv(results / 'scans.csv')
  scan_id = table['scan_id'][0]
  predicted = table['predicted'][0]
  maps = {x.name: nibabel.load(x) for x in results.glob('*.nii.gz')}
  assert set(maps) == {f'{scan_id}_{name}.nii.gz' for name in NAMES}
  image = maps[f'{scan_id}_{predicted}.nii.gz']
  assert image.shape == (64, 80, 10)
  np.testing.assert_allclose(image.affine[:3, 3], [-150, 120.5, 40], atol=1e-4)
  # Slices are scored that lie between the lungs.
  slices = pd.read_csv(results / 'slices.csv')
  scored = np.flatnonzero(slices['counts'])
  values = image.get_fdata()
  assert np.flatnonzero(values.any(axis=(0, 1))).tolist() == scored.tolist()
  assert len(scored) == 10
  ids = pd.read_csv(key)
  assert set(slices['slice_id']) == set(ids['slice_id'])
  assert set(ids['patient_id']) == {'secret-17'}
  assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_without_the_flags_there_are_no_such_files(run, series, tmp_path):
  code, printed = run(series)
  assert code == 0
  assert not list((tmp_path / 'results').glob('*.nii*'))
  assert 'names the patient' not in printed.out
  _assert_nothing_of_the_patient(tmp_path / 'results')


def test_dicom_objects_lie_in_a_private_folder_of_their_own(
  run, series, tmp_path
):
  pytest.importorskip('highdicom', reason='needs the extra dicom')
  folder = tmp_path / 'to_archive'
  code, printed = run(series, f'--dicom={folder}')
  assert code == 0
  assert f'DICOM objects: {folder} names the patients' in printed.out
  assert stat.S_IMODE(folder.stat().st_mode) == 0o700
  kinds = sorted(x.name.split('_', 1)[1] for x in folder.iterdir())
  assert kinds == ['parametric_map.dcm', 'structured_report.dcm']
  for path in folder.iterdir():
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(pydicom.dcmread(path).PatientName) == 'Doe^Jane'
  _assert_nothing_of_the_patient(tmp_path / 'results')


@pytest.fixture
def image(tmp_path, chest, to_gray):
  (tmp_path / 'image').mkdir()
  path = tmp_path / 'image/x.png'
  Image.fromarray(to_gray(chest(64))).save(path)
  return path


def test_images_have_no_map_in_one_line(run, image, tmp_path):
  code, printed = run(image, '--nifti')
  assert code == 2
  error = printed.err.strip().splitlines()[-1]
  assert error == (
    f'Error: --nifti is not possible for {image}: image files do not say where '
    'they lie in the body; give DICOM or NIfTI.'
  )
  assert not (tmp_path / 'results').exists()


def test_one_scan_without_a_map_does_not_stop_the_others(
  run, image, series, tmp_path
):
  code, printed = run(series, image, '--nifti')
  # It could not do all that was asked.
  assert code == 1
  assert f'--nifti is not possible for {image}' in printed.err
  results = tmp_path / 'results'
  assert len(pd.read_csv(results / 'scans.csv')['scan_id'].unique()) == 2
  assert len(list(results.glob('*.nii.gz'))) == 3


def test_files_without_ids_are_refused_before_scoring(
  run, write_placed_series, tmp_path, monkeypatch
):
  installed = types.SimpleNamespace(find_spec=lambda name: object())
  monkeypatch.setattr(arguments_lib, 'util', installed)
  series = write_placed_series(tmp_path / 'x', FrameOfReferenceUID=None)
  code, printed = run(series, f'--dicom={tmp_path / "dicom"}')
  assert code == 2
  assert 'no valid FrameOfReferenceUID' in printed.err
  assert not (tmp_path / 'dicom').exists()
  assert not (tmp_path / 'results').exists()


def test_headers_that_highdicom_refuses_leave_the_other_results(
  run, series, tmp_path, monkeypatch
):
  pytest.importorskip('highdicom', reason='needs the extra dicom')
  read = source_images.read

  def odd(scan):
    headers = read(scan)
    for each in headers:
      each.PatientSex = 'X'
    return headers

  monkeypatch.setattr(source_images, 'read', odd)
  code, printed = run(series, f'--dicom={tmp_path / "dicom"}')
  assert code == 1
  assert 'No DICOM objects' in printed.out
  assert (tmp_path / 'results/index.html').exists()


def test_a_scan_without_a_result_has_no_map(run, write_dicom, tmp_path):
  for i in range(2):
    write_dicom(
      tmp_path / f'{i}.dcm',
      np.full((64, 64), -1000, np.int16),
      PixelSpacing=[1, 1],
      ImagePositionPatient=[0, 0, i],
    )
  code, _ = run(tmp_path, '--nifti')
  assert code == 1
  assert not list((tmp_path / 'results').glob('*.nii.gz'))
