# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether a folder holds the run that a config asks for."""

from collections.abc import Mapping
import json
from typing import Any

from etils import epath
import ml_collections

from bit_covid.analysis import split_counts
from bit_covid.training import config_history
from bit_covid.training import run_identity
from bit_covid.training import schedule
from bit_covid.training import slice_record
import input_pipeline

# Fields that may change when a run is resumed, as they change no result.
_FREE = (
  *('eval_batch', 'checkpoint_every', 'report', 'deterministic'),
  'data.allow_change',
)


def facts_of(config: ml_collections.ConfigDict) -> dict[str, Any]:
  """Returns what config.json says of a config: all but folders."""
  tree = json.loads(config.to_json())
  return tree | {'data': run_identity.without_places(tree['data'])}


def check_same_config(
  config: ml_collections.ConfigDict, workdir: epath.Path
) -> None:
  """Raises ValueError if a folder holds no run, or one of another config.

  The config may be resolved or not. The fingerprints of the data are not
  compared.
  """
  found = config_history.complete(run_identity.read(workdir) or {})
  found = {key: x for key, x in found.items() if key != 'fingerprints'}
  if not config.schedule:
    counts = split_counts.read(workdir / 'splits.csv').query('split == "train"')
    config = schedule.resolve(
      config, num_slices=int(counts['slices'].sum()), num_classes=len(counts)
    )
  _check_same(found, facts_of(config), workdir, ignored=_FREE)


def data_changes(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  facts: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
) -> Mapping[str, str]:
  """Returns how the splits differ from those of the run in the folder.

  Args:
    config: of the run.
    workdir: may be without a run.
    facts: what config.json would say now.
    splits: of the run.

  Raises:
    ValueError: the run has another config, or the change is not allowed.
  """
  found = run_identity.read(workdir)
  if found is None:
    return {}
  ignored = (*_FREE, *(f'fingerprints.{name}' for name in splits))
  _check_same(config_history.complete(found), facts, workdir, ignored=ignored)
  before = found.get('fingerprints') or {}
  changes = {
    name: slice_record.describe_changes(workdir, name, examples)
    for name, examples in splits.items()
    if examples.fingerprint != before.get(name)
  }
  if changes and not config.data.allow_change:
    raise ValueError(
      f'{workdir} holds a run with other data. Changed since: '
      f'{"; ".join(changes.values())}. Restore the data, choose another work '
      'directory, or go on with the data as they are by '
      '--config.data.allow_change=True.'
    )
  for name in changes:
    _check_same_classes(workdir, name, splits[name].class_names)
  return changes


def _check_same(
  found: Mapping[str, Any],
  asked: Mapping[str, Any],
  workdir: epath.Path,
  *,
  ignored: tuple[str, ...],
) -> None:
  problem = f'{workdir} holds a run with another config'
  run_identity.check_same(found, asked, problem=problem, ignored=ignored)


def _check_same_classes(
  workdir: epath.Path, split: str, class_names: tuple[str, ...]
) -> None:
  counts = split_counts.read(workdir / 'splits.csv')
  before = tuple(counts.loc[counts['split'] == split, 'class'])
  if before != class_names:
    raise ValueError(
      f'{workdir} holds a run whose classes are {", ".join(before)}; those of '
      f'{split} are {", ".join(class_names)} now. A network cannot go on with '
      'other classes: choose another work directory.'
    )
