# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs that an earlier commit left, tests/stored, are still of use.

What is stored was computed on one processor. Others sum in another order, so
numbers are compared with a small tolerance; where they were computed, they are
equal bit for bit.
"""

import dataclasses
import json
import pathlib
import shutil

from etils import epath
import jax
import numpy as np
from PIL import Image
import pytest

import bit_covid
from bit_covid import report
from bit_covid.analysis import predictions
from bit_covid.base import compilation_cache
from bit_covid.cli import evaluate
from bit_covid.cli import verification
from bit_covid.training import manifest
from bit_covid.training import map_evidence
from bit_covid.training import map_panels
from bit_covid.training import metric_log
from bit_covid.training import run_directory
from bit_covid.training import train
from bit_covid.weights import bit_npz
import input_pipeline

STORED = pathlib.Path(__file__).parents[1] / 'stored'
RTOL, ATOL = 1e-4, 1e-5


pytestmark = pytest.mark.usefixtures('small_network')


@pytest.fixture
def mid_run(tmp_path, fingerprints):
  """A copy of the run that was stopped after step 4."""
  return _copy('mid_run', tmp_path, fingerprints)


@pytest.fixture
def finished(tmp_path, fingerprints):
  """A copy of the same run after its last step."""
  return _copy('finished', tmp_path, fingerprints)


@pytest.fixture
def fingerprints(config):
  """Those of the slices as they are drawn here.

  They are not equal on all machines, even with the same versions of all
  packages. The numbers that are compared below agree all the same.
  """
  return {
    name: input_pipeline.load_split(config.data, name).fingerprint
    for name in ('train', 'val', 'test')
  }


def _copy(name, folder, fingerprints):
  """Returns a copy of a stored run, as one of slices that were drawn here."""
  copy = shutil.copytree(STORED / name, folder / name)
  path = copy / 'config.json'
  facts = json.loads(path.read_text())
  assert facts['fingerprints'].keys() == fingerprints.keys()
  path.write_text(json.dumps(facts | {'fingerprints': fingerprints}))
  return copy


@pytest.fixture
def config(make_small_config):
  """The config of the stored runs."""
  config = make_small_config()
  config.learning_rate = 0.1
  return config


def draw_slice(path):
  """Writes a body with noise in it, which has no lungs."""
  image = np.zeros((96, 96), np.uint8)
  image[20:70, 10:80] = 120
  noise = np.random.default_rng(0).integers(0, 255, (20, 30), np.uint8)
  image[30:50, 30:60] = noise
  Image.fromarray(image).save(path)


def make_images():
  """Returns three images as the network takes them."""
  values = np.random.default_rng(1).uniform(-1, 1, (3, 32, 32, 1))
  return values.astype(np.float32)


def _by_path(tree):
  leaves = jax.tree_util.tree_leaves_with_path(
    tree, is_leaf=lambda x: x is None
  )
  return {jax.tree_util.keystr(path): leaf for path, leaf in leaves}


def _assert_close(found, expected):
  """Compares trees of numbers, arrays and text; numbers with a tolerance."""
  found, expected = _by_path(found), _by_path(expected)
  assert list(found) == list(expected)
  for path, value in expected.items():
    if isinstance(value, str | None):
      assert found[path] == value, path
    else:
      np.testing.assert_allclose(
        found[path], value, rtol=RTOL, atol=ATOL, err_msg=path
      )


def _points(tree, *, within=None):
  """Returns the numbers without bounds, of the keys that another tree has."""
  if not isinstance(tree, dict):
    is_list = isinstance(tree, list)
    pairs = zip(tree, within or tree, strict=True) if is_list else ()
    return [_points(x, within=y) for x, y in pairs] if is_list else tree
  bounds = {'low', 'high'} if 'value' in tree else set()
  known = tree if within is None else within
  return {
    key: _points(each, within=known[key])
    for key, each in tree.items()
    if key in known and key not in bounds
  }


def _assert_same_points(found, expected):
  """Compares what is stored, except the bounds of intervals.

  They were those of a bootstrap; docs/report.md has why they are others now.
  """
  expected = _points(expected)
  _assert_close(_points(found, within=expected), expected)


def _read_numbers(workdir):
  return json.loads((workdir / 'report' / 'metrics.json').read_text())


def _assert_same_predictions(workdir):
  """Compares the tables and features of val and test with the stored ones."""
  for split in ('val', 'test'):
    found, expected = (
      folder / 'predictions' / f'{split}.csv'
      for folder in (workdir, STORED / 'finished')
    )
    first, second = predictions.read(found), predictions.read(expected)
    _assert_close(first.to_dict('list'), second.to_dict('list'))
    with (
      np.load(found.with_name(f'{split}_features.npz')) as first,
      np.load(expected.with_name(f'{split}_features.npz')) as second,
    ):
      assert first['slice_id'].tolist() == second['slice_id'].tolist()
      _assert_close(first['features'], second['features'])


def test_stored_run_goes_on_and_ends_as_it_did(
  config, mid_run, fingerprints, monkeypatch, capsys
):
  # Maps take seconds to draw; the report is written in another test.
  for module in (map_panels, map_evidence):
    monkeypatch.setattr(module, 'write', lambda *a, **k: None)
  results = train.train_and_evaluate(config, mid_run).metrics
  assert 'Going on from step 4 ' in capsys.readouterr().out
  assert len(json.loads((mid_run / 'run.json').read_text())) == 2
  _assert_same_predictions(mid_run)
  stored = STORED / 'finished'
  for name, numbers in _read_numbers(stored).items():
    _assert_close(results[name], {key: numbers[key] for key in results[name]})
  log = metric_log.read(mid_run / 'metrics.jsonl')
  for row in log:
    row.pop('gradient_norm', None)  # It was not measured then.
  _assert_close(log, metric_log.read(stored / 'metrics.jsonl'))
  found = bit_npz.load(mid_run / 'model.npz')
  expected = bit_npz.load(stored / 'model.npz')
  _assert_close(found.params, expected.params)
  _assert_close(
    dataclasses.asdict(found.metadata), dataclasses.asdict(expected.metadata)
  )
  # The fields are newer than the run.
  expected = json.loads((stored / 'config.json').read_text())
  expected |= {
    'fingerprints': fingerprints,
    'deterministic': False,
    'optimizer': 'sgd',
    'weight_decay': 0.0,
    'learning_rate_decay': 'steps',
    'train_head_only': False,
    'label_smoothing': 0.0,
    'balance_classes': False,
    'keep': 'last',
    'early_stop': 0,
  }
  expected['data'] |= {
    'allow_change': False,
    'fold': [],
    'leave_out': '',
    'task': 'classes',
    'rotation': 0.0,
    'contrast': 0.0,
    'brightness': 0.0,
    'erase': 0.0,
  }
  assert json.loads((mid_run / 'config.json').read_text()) == expected
  name = 'splits.csv'
  assert (mid_run / name).read_text() == (stored / name).read_text()


def test_stored_model_is_evaluated_to_the_stored_numbers(
  finished, tfds_dir, monkeypatch
):
  # The tests have a cache of their own.
  monkeypatch.setattr(compilation_cache, 'enable', lambda: None)
  for name in ('predictions', 'report'):
    shutil.rmtree(finished / name)
  run_directory.mark_finished(epath.Path(finished))
  arguments = ['--split=val,test', '--batch=8', f'--data_dir={tfds_dir}']
  assert evaluate.main([str(finished), *arguments]) == 0
  # Results that are added to a run count as written.
  assert manifest.problems(finished) == []
  _assert_same_predictions(finished)
  expected = _read_numbers(STORED / 'finished')
  # Of maps, which an evaluation does not draw.
  assert expected['test'].pop('maps')
  _assert_same_points(_read_numbers(finished), expected)


def test_stored_run_is_reported_with_the_stored_numbers(finished):
  shutil.rmtree(finished / 'report')
  page = report.write_report(finished).read_text()
  assert 'Research software, not a medical device.' in page
  assert 'a4af2448' in page
  _assert_same_points(
    _read_numbers(finished), _read_numbers(STORED / 'finished')
  )


def test_stored_model_predicts_the_stored_numbers(finished, tmp_path):
  expected = json.loads((STORED / 'numbers.json').read_text())
  classifier = bit_covid.load(finished)
  path = tmp_path / 'slice.png'
  draw_slice(path)
  # The drawn body has no lungs.
  table = classifier.predict(path, check=False)
  found = {
    'probabilities': predictions.probabilities(table),
    'logits': classifier.logits(make_images()),
  }
  _assert_close(found, {key: np.array(x) for key, x in expected.items()})


def test_stored_run_is_verified(finished):
  checks = verification.work_directory(finished)
  assert {check.name for check in checks} >= {'Finished', 'Predictions, test'}
  # The run was made before there were checksums.
  others = {
    check.name: check.result for check in checks if check.result != 'ok'
  }
  assert others == {'Checksums': 'NOTE'}
