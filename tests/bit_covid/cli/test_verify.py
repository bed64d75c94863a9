# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is whole passes, and each way to be broken is named."""

import json

from etils import epath
import numpy as np
import pytest

from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts
from bit_covid.base import checksums
from bit_covid.cli import verification
from bit_covid.cli import verify
from bit_covid.training import run_directory
from bit_covid.weights import bit_npz
from bit_covid.weights import find
from bit_covid.weights import metadata


def test_the_known_logits_are_those_of_numpy(reference_network):
  params = bit_npz.load(find.bundled()[verification.NETWORK]).params
  logits, _ = reference_network(params, verification.known_image())
  expected = logits[0, :6]
  np.testing.assert_allclose(verification.EXPECTED_LOGITS, expected, atol=1e-6)


def test_an_installation(capsys, monkeypatch):
  assert verify.main([]) == 0
  printed = capsys.readouterr().out
  assert 'Nothing failed' in printed
  assert 'numpy' in printed
  monkeypatch.setattr(verification, 'EXPECTED_LOGITS', (0.0,) * 6)
  assert verify.main([]) == 1
  assert 'FAILED' in capsys.readouterr().out


@pytest.fixture
def run(tmp_path, random_params):
  folder = tmp_path / 'run'
  (folder / 'report').mkdir(parents=True)
  bit_npz.save(
    folder / 'model.npz',
    random_params('tiny'),
    model_name='tiny',
    metadata=metadata.Metadata(
      class_names=('Normal', 'CP', 'NCP'),
      preprocessing={
        'box': 'annotated',
        'crop': 32,
        'antialias': False,
        'range_16bit': [0, 65_535],
      },
    ),
  )
  for name in ('config.json', 'report/metrics.json'):
    (folder / name).write_text('{}')
  (folder / 'run.json').write_text('[]')
  (folder / 'finished.json').write_text('{}')
  label = np.arange(6) % 3
  ids = np.array([f's{i}' for i in range(6)])
  table = predictions.make_table(
    slice_id=ids,
    patient_id=ids,
    source=ids,
    label=label,
    probabilities=np.full([6, 3], 1 / 3),
    class_names=('Normal', 'CP', 'NCP'),
  )
  predictions.write(table, folder / 'predictions' / 'test.csv')
  np.savez(folder / 'predictions' / 'test_features.npz', slice_id=ids)
  counts = split_counts.count('test', label, ids, ('Normal', 'CP', 'NCP'))
  counts.to_csv(folder / 'splits.csv', index=False)
  return folder


def _failed(folder):
  checks = verification.work_directory(folder)
  return {x.name: x.detail for x in checks if x.result == 'FAILED'}


def test_a_whole_run_passes(run, capsys):
  assert verify.main([str(run)]) == 0
  printed = capsys.readouterr().out
  assert 'Predictions, test' in printed
  assert '6 rows' in printed
  assert 'Normal, CP, NCP' in printed


def test_what_is_missing_or_of_something_else_is_named(run):
  assert not _failed(run)
  (run / 'finished.json').unlink()
  assert set(_failed(run)) == {'Finished'}
  (run / 'run.json').write_text('{"a"')
  assert set(_failed(run)) == {'Finished', 'run.json'}
  path = run / 'predictions' / 'test.csv'
  lines = path.read_text().splitlines()
  path.write_text('\n'.join(lines[:-1]))
  assert '5 rows, but the split has 6' in _failed(run)['Predictions, test']
  path.write_text('\n'.join([*lines[:-1], lines[1]]))
  assert 'twice' in _failed(run)['Predictions, test']
  path.write_text('\n'.join(lines[:1] + lines[:0:-1]))
  assert 'other slices' in _failed(run)['Predictions, test']


@pytest.fixture
def finished(run):
  (run / 'metrics.jsonl').write_text('{"step": 3, "train_loss": 1.0986}\n')
  (run / 'report' / 'index.html').write_text('<p>A page</p>')
  run_directory.mark_finished(epath.Path(run))
  return run


def _flip(path, place):
  content = bytearray(path.read_bytes())
  content[place] ^= 1
  path.write_bytes(content)


def test_each_flipped_byte_of_a_finished_run_is_found(finished):
  assert not _failed(finished)
  names = json.loads((finished / 'finished.json').read_text())['sha256']
  assert set(names) == {
    str(path.relative_to(finished))
    for path in finished.rglob('*')
    if path.is_file() and path.name != 'finished.json'
  }
  for name in names:
    path = finished / name
    whole = path.read_bytes()
    for place in (0, len(whole) // 2, -1):
      _flip(path, place)
      detail = _failed(finished)['Checksums']
      assert detail == f'{name} is not as it was written'
      path.write_bytes(whole)
  (finished / 'metrics.jsonl').unlink()
  assert 'metrics.jsonl is missing' in _failed(finished)['Checksums']
  (finished / 'finished.json').write_text('{')
  assert 'finished.json is cut off or damaged' in _failed(finished)['Checksums']


def test_results_that_are_added_to_a_finished_run_are_no_damage(finished):
  assert not _failed(finished)
  table = predictions.read(finished / 'predictions' / 'test.csv')
  (finished / 'report' / 'index.html').write_text('<p>Damaged</p>')
  workdir = epath.Path(finished)
  run_directory.write_results(
    workdir, 'test', table.iloc[::-1], np.zeros((6, 2)), show=False
  )
  # Only what was written anew counts as written.
  failed = _failed(finished)['Checksums']
  assert failed == 'report/index.html is not as it was written'


def test_runs_of_earlier_versions_are_said_to_be_unchecked(run):
  checks = {x.name: x for x in verification.work_directory(run)}
  assert checks['Checksums'].result == 'NOTE'
  assert 'not found' in checks['Checksums'].detail


def test_checkpoints_of_a_run_are_checked(run):
  for step in '24':
    folder = epath.Path(run) / 'checkpoints' / step
    folder.mkdir(parents=True)
    (folder / 'arrays').write_text('numbers')
  checksums.write(folder, checksums.of_files(folder, [folder / 'arrays']))
  found = {x.name: x.result for x in verification.work_directory(run)}
  assert found['Checkpoint 2'] == 'NOTE'
  assert found['Checkpoint 4'] == 'ok'
  _flip(run / 'checkpoints' / '4' / 'arrays', 0)
  failed = _failed(run)['Checkpoint 4']
  assert failed == 'arrays is not as it was written'


def test_broken_checkpoints(run, random_params, tmp_path, capsys):
  params = random_params('tiny')
  params['head']['bias'] = np.array([0, np.nan, 0], np.float32)
  path = tmp_path / 'nan.npz'
  names = metadata.Metadata(class_names=('a', 'b', 'c'))
  bit_npz.save(path, params, model_name='tiny', metadata=names)
  found = {x.name: x for x in verification.checkpoint(str(path))}
  assert found['File'].result == 'FAILED'
  assert 'head/conv2d/bias has values that are NaN' in found['File'].detail
  content = (run / 'model.npz').read_bytes()
  (run / 'model.npz').write_bytes(content[: len(content) // 2])
  assert set(_failed(run)) == {'File'}
  assert verify.main([str(tmp_path / 'none.npz')]) == 2
  assert 'is no public name' in capsys.readouterr().err
  assert json.loads((run / 'config.json').read_text()) == {}
