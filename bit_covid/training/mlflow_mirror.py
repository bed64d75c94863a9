# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Shows a training in MLflow while it runs.

with mlflow_mirror.Mirror('http://server:5000', workdir):
  train.train_and_evaluate(config, workdir)

A thread reads `config.json` and `metrics.jsonl`, which are in the work
directory anyway, and sends what the server lacks. So the training neither waits
for the server nor fails with it, and a resumed run goes on in the same run of
MLflow.
"""

from collections.abc import Callable
import contextlib
import json
import math
import os
import textwrap
import threading
import types
from typing import Any, Self

from etils import epath

from bit_covid.base import files
from bit_covid.base import progress
from bit_covid.base import project
from bit_covid.training import metric_log

FILE_NAME = 'mlflow.json'
_EXPERIMENT = 'bit_covid'
_SECONDS_BETWEEN = 10.0
# Defaults that a user's own environment replaces. MLflow would report its use
# to its makers, wait four minutes for a server that does not answer, and refuse
# to write to a folder.
_ENVIRONMENT = {
  'MLFLOW_DISABLE_TELEMETRY': 'true',
  'MLFLOW_HTTP_REQUEST_MAX_RETRIES': '1',
  'MLFLOW_HTTP_REQUEST_TIMEOUT': '10',
  'MLFLOW_ALLOW_FILE_STORE': 'true',
}
# Limits of MLflow's interface, in items of one call.
_MOST_METRICS = 1000
_MOST_PARAMS = 100


class Mirror(contextlib.AbstractContextManager[None]):
  """Sends the measurements of a work directory to MLflow, until it is left."""

  def __init__(self, address: str, workdir: str | os.PathLike[str]):
    """Checks that the server answers.

    Args:
      address: what MLflow calls a tracking URI: of a server, or `file:FOLDER`.
      workdir: the folder of the training. `mlflow.json` in it names the run.

    Raises:
      ValueError: MLflow is not installed, or the server does not answer.
    """
    self._address = address
    self._workdir = epath.Path(workdir)
    self._mlflow = _import(address)
    try:
      self._client = self._mlflow.MlflowClient(address)
      self._experiment = self._client.get_experiment_by_name(_EXPERIMENT)
    except Exception as error:  # MLflow raises its own and those of requests.
      raise ValueError(
        f'--mlflow={address} does not answer as an MLflow server; expected '
        'http://HOST:PORT of one that runs, or file:FOLDER. --debug shows why.'
      ) from error
    self._run_id = ''
    self._sent: dict[str, int] = {}
    self._has_failed = False
    self._is_over = threading.Event()
    self._thread = threading.Thread(target=self._send_often, daemon=True)

  def __enter__(self) -> Self:
    """Returns itself, after starting to send."""
    self._thread.start()
    return self

  def __exit__(self, error_type: type | None, *error: object) -> None:
    """Sends the rest, and whether the training came to its end."""
    self._is_over.set()
    self._thread.join()
    self._has_failed = False
    if error_type is None:
      self._try_to(self._send, 'FINISHED')
    # Others mean that the training was refused before its first step.
    elif not issubclass(error_type, (ValueError, FileNotFoundError)):
      self._try_to(self._send, 'KILLED')

  def _send_often(self) -> None:
    while not self._is_over.wait(_SECONDS_BETWEEN):
      self._try_to(self._send)

  def _try_to(self, send: Callable[..., None], *arguments: str) -> None:
    """Calls the function; that the server failed is said once."""
    try:
      send(*arguments)
    except Exception as error:  # As above.
      if not self._has_failed:
        progress.say(
          f'MLflow at {self._address} lacks measurements: '
          f'{textwrap.shorten(str(error), 100)}. metrics.jsonl has them all.'
        )
      self._has_failed = True

  def _send(self, status: str = '') -> None:
    if not (self._workdir / 'metrics.jsonl').exists():
      return
    if not self._run_id:
      self._open_run()
    self._send_metrics()
    if status:
      self._client.set_terminated(self._run_id, status)

  def _open_run(self) -> None:
    """Finds the run of the work directory, or creates one."""
    client, path = self._client, self._workdir / FILE_NAME
    known = files.read_json(path) or {}
    if known.get('address') == self._address:
      run_id = known['run_id']
      client.update_run(run_id, status='RUNNING')
      self._sent = {
        name: max(x.step for x in client.get_metric_history(run_id, name))
        for name in client.get_run(run_id).data.metrics
      }
    else:
      experiment = (
        self._experiment.experiment_id
        if self._experiment
        else client.create_experiment(_EXPERIMENT)
      )
      run = client.create_run(experiment, run_name=self._workdir.name)
      run_id = run.info.run_id
      self._send_params(run_id)
      content = {'address': self._address, 'run_id': run_id}
      files.write(path, json.dumps(content).encode())
    progress.say(f'MLflow: run {run_id} at {self._address}')
    self._run_id = run_id

  def _send_params(self, run_id: str) -> None:
    fields = _flat(files.read_json(self._workdir / 'config.json'))
    params = [self._mlflow.entities.Param(*item) for item in fields.items()]
    for start in range(0, len(params), _MOST_PARAMS):
      part = params[start : start + _MOST_PARAMS]
      self._client.log_batch(run_id, params=part)

  def _send_metrics(self) -> None:
    path = self._workdir / 'metrics.jsonl'
    rows = metric_log.read(path) if path.exists() else []
    new = [
      self._mlflow.entities.Metric(
        name, math.nan if x is None else x, 0, row['step']
      )
      for row in rows
      for name, x in row.items()
      if name != 'step' and row['step'] > self._sent.get(name, -1)
    ]
    for start in range(0, len(new), _MOST_METRICS):
      part = new[start : start + _MOST_METRICS]
      self._client.log_batch(self._run_id, metrics=part)
      self._sent |= {x.key: x.step for x in part}


def _import(address: str) -> types.ModuleType:
  for name, value in _ENVIRONMENT.items():
    os.environ.setdefault(name, value)
  try:
    # An optional package, which reads the environment when it is imported.
    import mlflow
  except ImportError as error:
    raise ValueError(
      f'--mlflow={address} needs MLflow, which is not installed: '
      f'{project.install_command("mlflow")}, or leave the flag out.'
    ) from error
  return mlflow


def _flat(fields: dict[str, Any], prefix: str = '') -> dict[str, str]:
  """Returns nested fields as text by names such as 'data.crop'."""
  flat: dict[str, str] = {}
  for name, value in fields.items():
    if isinstance(value, dict):
      flat |= _flat(value, f'{prefix}{name}.')
    else:
      flat[prefix + name] = str(value)
  return flat
