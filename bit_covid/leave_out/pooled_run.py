# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The run on all patients: its config, and how long it took."""

import datetime

from etils import epath
import ml_collections

from bit_covid.base import files
from bit_covid.training import config_history
from bit_covid.training import manifest
from bit_covid.training import run_directory
from bit_covid.training import run_identity


def read_config(workdir: epath.Path) -> ml_collections.ConfigDict:
  """Returns the config of a finished training, without places of data.

  Raises:
    ValueError: the folder holds none, or one on a part of the patients.
  """
  facts = run_identity.read(workdir) or {}
  if 'schedule' not in facts or not run_directory.is_finished(workdir):
    raise ValueError(
      f'{workdir} holds no finished training; finish it first: bit-covid train'
    )
  facts = {**config_history.complete(facts)}
  facts.pop('fingerprints', None)
  config = ml_collections.ConfigDict(facts)
  for field in ('leave_out', 'per_class', 'fold'):
    if config.data.get(field):
      raise ValueError(
        f'{workdir} is of a part of the patients (data.{field} is '
        f'{config.data[field]}); name a run on all of them.'
      )
  return config


def seconds(workdir: epath.Path) -> float | None:
  """Returns how long the run took; None if it was interrupted."""
  starts = files.read_json(workdir / 'run.json', list) or []
  if len(starts) != 1:
    return None
  end = files.read_json(workdir / manifest.FILE_NAME)['time']
  first, last = map(datetime.datetime.fromisoformat, (starts[0]['time'], end))
  return (last - first).total_seconds()
