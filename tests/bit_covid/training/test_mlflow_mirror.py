# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""MLflow's own client finds in MLflow what metrics.jsonl has."""

import contextlib
import json
import math

from etils import epath
import mlflow
import pytest

from bit_covid.training import metric_log
from bit_covid.training import mlflow_mirror


@pytest.fixture
def workdir(tmp_path):
  workdir = epath.Path(tmp_path) / 'run'
  workdir.mkdir()
  config = {'batch': 4, 'data': {'crop': 32, 'window': []}}
  (workdir / 'config.json').write_text(json.dumps(config))
  return workdir


@pytest.fixture
def address(tmp_path):
  return f'file:{tmp_path / "server"}'


def _log(workdir, steps, *, restored_step=0):
  log = metric_log.MetricLog(
    workdir, restored_step=restored_step, is_writer=True
  )
  for step in steps:
    log.write(step, {'train_loss': step / 8})
    if step % 20 == 0:
      log.write(step, {'val_loss': math.nan})


def _end(address, workdir, error, *, steps):
  """Ends a training by an error."""
  with (
    contextlib.suppress(type(error)),
    mlflow_mirror.Mirror(address, workdir),
  ):
    _log(workdir, steps)
    raise error


def _history(address, name):
  client = mlflow.MlflowClient(address)
  (run,) = client.search_runs(_experiments(address))
  return [
    (x.step, x.value) for x in client.get_metric_history(run.info.run_id, name)
  ]


def _experiments(address):
  found = mlflow.MlflowClient(address).get_experiment_by_name('bit_covid')
  return [found.experiment_id]


def _run(address):
  (run,) = mlflow.MlflowClient(address).search_runs(_experiments(address))
  return run


def test_measurements_and_fields_are_sent(workdir, address):
  with mlflow_mirror.Mirror(address, workdir):
    _log(workdir, [10, 20])
  assert _history(address, 'train_loss') == [(10, 1.25), (20, 2.5)]
  ((step, value),) = _history(address, 'val_loss')
  assert step == 20
  assert math.isnan(value)
  run = _run(address)
  assert run.info.status == 'FINISHED'
  assert run.data.params == {
    'batch': '4',
    'data.crop': '32',
    'data.window': '[]',
  }


def test_they_are_sent_during_the_training(workdir, address, monkeypatch):
  monkeypatch.setattr(mlflow_mirror, '_SECONDS_BETWEEN', 0.01)
  with mlflow_mirror.Mirror(address, workdir) as mirror:
    _log(workdir, [10])
    # The thread ends after it has sent; joining it would be the end.
    for _ in range(1000):
      if mirror._sent:
        break
      mirror._is_over.wait(0.01)
    assert _history(address, 'train_loss') == [(10, 1.25)]


def test_resumed_training_goes_on_in_its_run(workdir, address):
  _end(address, workdir, KeyboardInterrupt(), steps=[10, 20, 30])
  assert _run(address).info.status == 'KILLED'
  with mlflow_mirror.Mirror(address, workdir):
    _log(workdir, [20, 30, 40], restored_step=10)
  assert _history(address, 'train_loss') == [
    (x, x / 8) for x in (10, 20, 30, 40)
  ]
  assert _run(address).info.status == 'FINISHED'


def test_refused_training_leaves_nothing(workdir, address):
  _end(address, workdir, ValueError('another config'), steps=[10])
  assert not (workdir / 'mlflow.json').exists()
  assert (
    mlflow.MlflowClient(address).get_experiment_by_name('bit_covid') is None
  )


@pytest.mark.parametrize('address', ['http://127.0.0.1:9', 'ftp://server'])
def test_server_that_does_not_answer_is_refused(workdir, address):
  with pytest.raises(ValueError, match='does not answer as an MLflow server'):
    mlflow_mirror.Mirror(address, workdir)


def test_training_outlives_its_server(workdir, address, tmp_path, capsys):
  with mlflow_mirror.Mirror(address, workdir):
    _log(workdir, [10])
    (tmp_path / 'server').rename(tmp_path / 'gone')
    (tmp_path / 'server').write_text('no folder')
  assert 'lacks measurements' in capsys.readouterr().out
