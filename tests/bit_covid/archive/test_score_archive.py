# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""`archive predict` against `predict` of the same studies, one by one."""

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time

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

# Programs are compiled, and workers load JAX.
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
# A process that begins with this program dies of the file of this name.
KILLER = 'deadly'
_PRELOAD = f"""
import importlib, os, signal
find = importlib.import_module('input_pipeline.scans.find')
add = find._Finder._add
def deadly(self, file, *rest):
  if {KILLER!r} in file.name:
    os.kill(os.getpid(), signal.SIGKILL)
  return add(self, file, *rest)
find._Finder._add = deadly
"""


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
  (folder / 'gone.dcm').symlink_to(folder / 'nowhere')
  return folder


def run(export, checkpoint, output, *flags):
  return command.main(
    [
      *('predict', str(export), f'--checkpoint={checkpoint}'),
      *(f'--output={output}', *flags),
    ]
  )


@pytest.fixture(scope='module')
def output(tmp_path_factory, export, checkpoint):
  folder = tmp_path_factory.mktemp('output')
  flags = (f'--key={folder / "key"}', '--workers=1')
  assert run(export, checkpoint, folder / 'scored', *flags) == 0
  return folder / 'scored'


def _read(folder, name):
  return pd.read_parquet(folder / name).reset_index(drop=True)


def _as_read_from_csv(table):
  """Returns the table in the form in which CSV files are read."""
  text = predictions.to_csv(table)
  table = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
  return table.sort_values(list(table.columns)).reset_index(drop=True)


def contents(folder):
  return {
    str(x.relative_to(folder)): hashlib.sha256(x.read_bytes()).hexdigest()
    for x in sorted(folder.rglob('*'))
    if x.is_file()
  }


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
  pd.testing.assert_frame_equal(
    _as_read_from_csv(_read(output, 'refused')), _as_read_from_csv(expected)
  )


def test_the_numbers_add_up(export, output, capsys):
  assert command.main(['summary', str(output)]) == 0
  said = capsys.readouterr().out
  with scans.find([export]) as found:
    expected = scans.without_copies(found)
  studies = _read(output, 'studies')
  assert studies['files'].sum() == expected.num_files
  assert studies['files_used'].sum() == expected.num_used
  assert f'Files given: {expected.num_files}.' in said
  assert f'Scans: {len(STUDIES)} (' in said


def test_nothing_of_the_patient_is_in_the_results(export, output):
  for path in output.rglob('*'):
    content = path.read_bytes().lower() if path.is_file() else b''
    for secret in (b'doe_', b'doe^', b'roe^', b'secret', b'jane', b'export0'):
      assert secret not in content, path


def test_the_key_names_the_file_and_the_patient_of_each_slice(output):
  folder = output.parent / 'key'
  rows = pd.concat(
    pd.read_csv(x, dtype=str, keep_default_na=False)
    for x in sorted(folder.iterdir())
  )
  slices = _read(output, 'slices')
  assert set(slices['slice_id']) == set(rows['slice_id']) - {''}
  assert {'secret-17', 'secret-18'} <= set(rows['patient_id'])
  assert folder.stat().st_mode & 0o077 == 0


@pytest.fixture
def started(tmp_path, export, checkpoint):
  """Starts the command in a process of its own, with a file that kills."""

  def start(output, *flags, kills=False):
    (tmp_path / 'sitecustomize.py').write_text(_PRELOAD)
    environment = {**os.environ}
    if kills:
      environment['PYTHONPATH'] = os.pathsep.join([str(tmp_path), *sys.path])
    arguments = [f'--checkpoint={checkpoint}', f'--output={output}', *flags]
    program = [sys.executable, '-m', 'bit_covid.archive', 'predict']
    return subprocess.Popen(
      [*program, str(export), *arguments],
      env=environment,
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
      start_new_session=True,
    )

  return start


def test_a_study_that_kills_its_worker_is_named_and_stops_no_other(
  tmp_path, export, started, output
):
  path = export / f'{KILLER}.nii.gz'
  shutil.copy(export / 'volume.nii.gz', path)
  with path.open('ab') as file:
    file.write(b'another study')
  try:
    folder = tmp_path / 'scored'
    process = started(folder, '--workers=2', kills=True)
    text = process.communicate()[0]
  finally:
    path.unlink()
  assert (process.returncode, 'Error' in text) == (1, False), text
  refused = _read(folder, 'refused')
  (reason,) = refused['reason'][refused['reason'].str.contains('study')]
  assert reason == 'its study could not be scored (KilledWorker)'
  for name in TABLES:
    pd.testing.assert_frame_equal(
      _as_read_from_csv(_read(folder, name)),
      _as_read_from_csv(_read(output, name)),
    )


def test_a_job_that_is_killed_goes_on_and_ends_as_others(
  tmp_path, export, checkpoint, started, output
):
  folder = tmp_path / 'scored'
  sizes = [len(pd.read_parquet(x)) for x in (output / 'studies').iterdir()]
  for parts in (1, 3):
    process = started(folder, '--workers=1')
    while process.poll() is None:
      # Parts without a study are written at once.
      if len(list((folder / 'studies').glob('*'))) >= parts + sizes.count(0):
        os.killpg(process.pid, signal.SIGKILL)
        break
      time.sleep(0.01)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
  assert run(export, checkpoint, folder, '--workers=1') == 0
  expected = contents(output)
  call = json.loads((folder / 'call.json').read_text())
  assert call == {
    **json.loads((output / 'call.json').read_text()),
    'key': False,
  }
  del expected['call.json']
  found = contents(folder)
  del found['call.json']
  assert found == expected


def test_shards_without_dask_end_as_others(
  tmp_path, export, checkpoint, output, monkeypatch, capsys
):
  folder = tmp_path / 'scored'
  assert command.main(['index', str(export), f'--output={tmp_path}/x.csv']) == 0
  assert run(tmp_path / 'x.csv', checkpoint, folder, '--shard=1/2') == 0
  assert command.main(['summary', str(folder)]) == 1
  assert 'Missing: ' in capsys.readouterr().out
  for name, value in {'ID': 4, 'MIN': 4, 'COUNT': 2}.items():
    monkeypatch.setenv(f'SLURM_ARRAY_TASK_{name}', str(value))
  assert run(tmp_path / 'x.csv', checkpoint, folder) == 0
  assert command.main(['summary', str(folder)]) == 0
  found, expected = contents(folder), contents(output)
  del found['call.json'], expected['call.json']
  assert found == expected


def test_a_key_that_lacks_what_is_done_is_refused(
  tmp_path, export, checkpoint, output, capsys
):
  flags = ('--shard=0/1', f'--key={tmp_path / "key"}')
  assert run(export, checkpoint, output, *flags) == 2
  assert 'parts that are complete' in capsys.readouterr().err
