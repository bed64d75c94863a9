# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Limits added to a run of an earlier version are those of a training."""

import json
import shutil

import pytest

from bit_covid.cli import out_of_distribution
from bit_covid.training import fit_detector
from bit_covid.training import manifest
from bit_covid.training import run_directory
from bit_covid.training import train

NAMES = ('out_of_distribution.npz', 'validation_patients.json')


@pytest.fixture(autouse=True)
def without_cache(monkeypatch):
  """The tests have a cache of their own; val has six patients."""
  monkeypatch.setattr('bit_covid.base.compilation_cache.enable', lambda: None)
  monkeypatch.setattr(fit_detector, 'FEWEST_PATIENTS', 6)


@pytest.fixture(scope='module')
def finished(make_small_config, small_network, tmp_path_factory):
  del small_network
  config = make_small_config()
  config.report = False
  workdir = tmp_path_factory.mktemp('run')
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(fit_detector, 'FEWEST_PATIENTS', 6)
    train.train_and_evaluate(config, workdir)
  run_directory.mark_finished(workdir)
  return workdir


@pytest.fixture
def run(finished, tmp_path):
  return shutil.copytree(finished, tmp_path / 'run')


def test_they_are_those_of_the_training_bit_for_bit(run, tfds_dir):
  expected = [(run / name).read_bytes() for name in NAMES]
  facts = json.loads((run / 'finished.json').read_text())
  for name in NAMES:
    (run / name).unlink()
    facts['sha256'].pop(name)
  (run / 'finished.json').write_text(json.dumps(facts))
  argv = [str(run), f'--data_dir={tfds_dir}']
  assert out_of_distribution.main(argv) == 0
  assert [(run / name).read_bytes() for name in NAMES] == expected
  assert manifest.problems(run) == []
  facts = json.loads((run / 'finished.json').read_text())
  assert facts['sha256'].keys() >= set(NAMES)


def test_other_data_are_refused(run, tfds_dir, capsys):
  facts = json.loads((run / 'config.json').read_text())
  facts['fingerprints']['val'] = '0a'
  (run / 'config.json').write_text(json.dumps(facts))
  argv = [str(run), f'--data_dir={tfds_dir}']
  assert out_of_distribution.main(argv) == 2
  assert 'val is not the split of' in capsys.readouterr().err


def test_too_few_patients_are_refused(run, tfds_dir, capsys, monkeypatch):
  monkeypatch.setattr(fit_detector, 'FEWEST_PATIENTS', 7)
  argv = [str(run), f'--data_dir={tfds_dir}']
  assert out_of_distribution.main(argv) == 2
  assert 'val has 6 patients, fewer than 7' in capsys.readouterr().err
  # The patients are kept all the same, and their checksum.
  assert manifest.problems(run) == []


def test_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
  assert out_of_distribution.main([str(tmp_path)]) == 2
  assert 'is no work directory' in capsys.readouterr().err
