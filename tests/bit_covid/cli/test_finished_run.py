# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
import json
import pathlib
import shutil

from etils import epath
import ml_collections
import pytest

from bit_covid.cli import finished_run
from bit_covid.training import config_history
from bit_covid.training import manifest

STORED = pathlib.Path(__file__).parents[2] / 'stored' / 'finished'


@pytest.fixture
def run(tmp_path):
  folder = shutil.copytree(STORED, tmp_path / 'run')
  manifest.write(epath.Path(folder), {})  # Of the files that were stored.
  return folder


@pytest.fixture
def config(run):
  facts = json.loads((run / 'config.json').read_text())
  facts.pop('fingerprints')
  return ml_collections.ConfigDict(config_history.complete(facts))


def test_it_says_what_came_of_the_run(run, config, capsys):
  (run / 'report' / 'index.html').touch()
  finished_run.show(config, run)
  numbers = json.loads((run / 'report' / 'metrics.json').read_text())['test']
  out = capsys.readouterr().out.splitlines()
  assert out[0] == f'{run} is finished; nothing is left to do.'
  assert (
    f'test: accuracy {100 * numbers["accuracy"]:.2f}% of {numbers["slices"]} '
    'slices'
  ) in out
  assert f'Report: {run / "report" / "index.html"}' in out
  assert 'name another --workdir' in out[-1]


def test_another_config_is_an_error(run, config):
  config.batch += 1
  with pytest.raises(ValueError, match='another config: batch is'):
    finished_run.show(config, run)


def test_a_run_that_lacks_a_file_is_not_whole(run):
  assert manifest.is_whole(run)
  (run / 'model.npz').unlink()
  assert not manifest.is_whole(run)
  (run / 'finished.json').unlink()
  assert not manifest.is_whole(run)
