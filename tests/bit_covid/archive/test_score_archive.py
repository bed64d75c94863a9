# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""`archive predict` against `predict` of the same studies, one by one."""

import io
import shutil

import nibabel
import numpy as np
import pandas as pd
from PIL import Image
import pytest

from bit_covid import predict
from bit_covid.analysis import predictions
from bit_covid.scoring import tables
from input_pipeline import scans

for _package in ('cryptography', 'distributed', 'pyarrow'):
  pytest.importorskip(_package, reason='needs the extra `archive`')
# Below the lines that skip these tests, as it imports both.
from bit_covid.archive import command  # noqa: E402

# Two programs are compiled, and a worker loads JAX.
pytestmark = pytest.mark.slow
TABLES = ('scans', 'predictions', 'slices')
# What `predict` is given for each study.
STUDIES = (
  ('Doe_Jane', 'later/Doe_Jane'),  # One series in two folders.
  ('same_series',),
  ('volume.nii.gz',),
  ('pictures',),
  ('packed.zip',),
  ('cut',),  # One of its slices is not whole.
)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, save_checkpoint):
  return save_checkpoint(tmp_path_factory.mktemp('run'), temperature=2.0)


@pytest.fixture(scope='module')
def export(tmp_path_factory, chest, write_dicom):
  """Studies of all kinds, one of them twice, and files that are none."""
  folder = tmp_path_factory.mktemp('export')

  def series(place, seed, count, start=0, **tags):
    (folder / place).mkdir(parents=True, exist_ok=True)
    for i in range(start, start + count):
      write_dicom(
        folder / place / f'{i}.dcm',
        chest(64, seed=seed + i),
        ImagePositionPatient=[0, 0, -5 * i],
        **tags,
      )

  series('Doe_Jane', 0, 2)
  series('later/Doe_Jane', 0, 2, start=2)
  series('same_series', 20, 4, PatientID='secret-18', PatientName='Roe^Joe')
  series('cut', 40, 3, SeriesInstanceUID='1.2.3')
  cut = folder / 'cut' / '1.dcm'
  cut.write_bytes(cut.read_bytes()[:-5000])
  series('unpacked', 60, 3, SeriesInstanceUID='1.2.4')
  shutil.make_archive(folder / 'packed', 'zip', folder / 'unpacked')
  shutil.rmtree(folder / 'unpacked')
  shutil.copy(folder / 'packed.zip', folder / 'twice.zip')
  voxels = np.stack([chest(64, seed=80 + i) for i in range(4)], axis=-1)
  volume = nibabel.Nifti1Image(voxels, np.diag([5, 5, 5, 1.0]))
  nibabel.save(volume, folder / 'volume.nii.gz')
  (folder / 'pictures').mkdir()
  for i in (2, 10):
    pixels = np.uint8(np.clip((chest(64, seed=i) + 1350) / 6, 0, 255))
    Image.fromarray(pixels).save(folder / 'pictures' / f'{i}.png')
  (folder / 'damaged.dcm').write_bytes(b'no DICOM')
  (folder / 'notes.txt').write_text('Jane Doe is well')
  return folder


@pytest.fixture(scope='module')
def output(tmp_path_factory, export, checkpoint):
  folder = tmp_path_factory.mktemp('output') / 'scored'
  arguments = [str(export), f'--checkpoint={checkpoint}', f'--output={folder}']
  assert command.main(['predict', *arguments]) == 0
  return folder


def _read(folder, name):
  return pd.read_parquet(folder / name).reset_index(drop=True)


def _as_read_from_csv(table):
  """Returns the table in the form in which CSV files are read."""
  text = predictions.to_csv(table)
  table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
  return table.sort_values(list(table.columns)).reset_index(drop=True)


def test_rows_equal_those_of_predict_one_by_one(
  tmp_path, export, checkpoint, output
):
  expected = {name: [] for name in TABLES}
  for number, paths in enumerate(STUDIES):
    folder = tmp_path / str(number)
    predict.main(
      [
        *(str(export / x) for x in paths),
        f'--checkpoint={checkpoint}',
        f'--output={folder}',
      ]
    )
    for name in TABLES:
      # As text, in which no digit is lost.
      table = pd.read_csv(
        folder / f'{name}.csv', dtype=str, keep_default_na=False
      )
      expected[name].append(table)
  for name in TABLES:
    table = pd.concat(expected[name])
    table = table.sort_values(list(table.columns)).reset_index(drop=True)
    found = _as_read_from_csv(_read(output, name))
    assert table['slice_id' if name != 'scans' else 'scan_id'].nunique() > 5
    pd.testing.assert_frame_equal(found, table)


def test_refused_files_are_those_of_predict(export, output):
  with scans.find([export]) as found:
    expected = tables.refused_table(scans.without_copies(found).refused)
  found = _read(output, 'refused')
  # An archive is a study of its own here, so the reason of its copy differs.
  reasons = found.pop('reason')[found['cause'] == 'other']
  assert reasons.tolist() == ['a copy of a scan that was given before'] * 3
  del expected['reason']
  pd.testing.assert_frame_equal(
    found.sort_values('file_id', ignore_index=True),
    expected.sort_values('file_id', ignore_index=True),
    check_dtype=False,
  )


def test_the_index_has_the_files_of_each_study(output):
  index = _read(output, 'index.parquet')
  dicom = index[index['kind'] == 'dicom'].groupby('study_id')
  assert sorted(dicom['slices'].sum()) == [2, 4, 4]
  assert index['kind'].value_counts().to_dict() == {
    'dicom': 10,
    'zip': 2,
    'image': 2,
    'nifti': 1,
  }


def test_nothing_of_the_patient_is_in_the_results(export, output):
  for path in output.rglob('*'):
    content = path.read_bytes().lower() if path.is_file() else b''
    for secret in (b'doe_', b'doe^', b'roe^', b'secret', b'jane', b'export0'):
      assert secret not in content, path
