# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work directory of a network that was evaluated and not trained here.

With config.json and run.json in it, so that it is known what the predictions
are of, and reports and comparisons work as on a training.
"""

from collections.abc import Mapping, Sequence
import json
from typing import Any

from etils import epath

from bit_covid.base import files
from bit_covid.training import provenance
import input_pipeline


def write_facts(
  workdir: epath.Path,
  facts: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
  *,
  flag: str,
  devices: Sequence[str] | None = None,
) -> None:
  """Writes config.json and run.json, or refuses a folder of another run.

  Args:
    workdir: empty, new, or of the same network and data; other splits are
      added to those that are there.
    facts: of network and data.
    splits: the data, by name of their split.
    flag: that the folder was given with, for messages.
    devices: that it runs on; None: JAX's.

  Raises:
    ValueError: the folder holds another run; the message says what differs.
  """
  path = workdir / 'config.json'
  fingerprints = {name: split.fingerprint for name, split in splits.items()}
  found = _read_config(workdir, flag)
  if found is not None:
    known = found.get('fingerprints') or {}
    differences = _differences(found, facts) + _differences(
      {'fingerprints': known},
      {
        'fingerprints': {k: fingerprints[k] for k in fingerprints if k in known}
      },
    )
    if differences:
      raise ValueError(
        f'{workdir} holds another run: {"; ".join(differences)}. Choose '
        f'another {flag}, or remove this one to start anew.'
      )
    fingerprints = known | fingerprints
  workdir.mkdir(parents=True, exist_ok=True)
  files.write_json(path, {**facts, 'fingerprints': fingerprints})
  path = workdir / 'run.json'
  starts = json.loads(path.read_text()) if path.exists() else []
  start = provenance.collect()
  if devices is not None:
    start['devices'] = list(devices)
  files.write_json(path, [*starts, start])


def _read_config(workdir: epath.Path, flag: str) -> dict[str, Any] | None:
  """Returns config.json of a work directory; None of a new one."""
  path = workdir / 'config.json'
  if path.exists():
    try:
      return dict(json.loads(path.read_text()))
    except (TypeError, ValueError) as error:
      raise ValueError(
        f'{path} is no JSON of a run: {error}. Choose another {flag}.'
      ) from error
  folder = workdir / 'predictions'
  there = sorted(x.name for x in folder.glob('*')) if folder.exists() else []
  if there:
    raise ValueError(
      f'{folder} holds {", ".join(there)}, and no config.json says what of. '
      f'Choose another {flag}.'
    )
  return None


def _differences(
  found: Mapping[str, Any], asked: Mapping[str, Any]
) -> list[str]:
  """Returns what of the facts that are asked is otherwise, in words."""
  differences = []
  for key, value in asked.items():
    there = found.get(key)
    if isinstance(value, dict):
      inner = there if isinstance(there, dict) else {}
      differences += [f'{key}.{x}' for x in _differences(inner, value)]
    elif there != value:
      differences.append(f'{key} is {there} there, {value} here')
  return differences
