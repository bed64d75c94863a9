# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work directory of a network that was evaluated but not trained here.

It has a config.json and a run.json, as that of a training, so that reports and
comparisons work on it and say which network and data the predictions are of.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from etils import epath

from bit_covid.training import run_identity
import input_pipeline


def write_facts(
  workdir: epath.Path,
  facts: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
  *,
  flag: str,
  devices: Sequence[str] | None = None,
) -> None:
  """Writes config.json and run.json, unless the folder holds another run.

  Splits are added to those of the same network and data in the folder. The flag
  is the one that named the folder, for messages.

  Raises:
    ValueError: the folder holds another run.
  """
  fingerprints = {name: split.fingerprint for name, split in splits.items()}
  found = run_identity.read(workdir)
  if found is None:
    _check_no_predictions(workdir, flag)
  else:
    known = found.get('fingerprints') or {}
    fingerprints = known | fingerprints
    # A training has other facts too, which are not compared.
    compared = {key: found.get(key) for key in facts} | {'fingerprints': known}
    # Of a split that is added there is no fingerprint yet.
    asked = {**facts, 'fingerprints': {k: fingerprints[k] for k in known}}
    problem = f'{workdir} holds another run'
    run_identity.check_same(compared, asked, problem=problem, folder=flag)
  run_identity.write(
    workdir, {**facts, 'fingerprints': fingerprints}, devices=devices
  )


def _check_no_predictions(workdir: epath.Path, flag: str) -> None:
  folder = workdir / 'predictions'
  names = sorted(path.name for path in folder.glob('*'))
  if names:
    raise ValueError(
      f'{folder} holds {", ".join(names)}, and no config.json says which '
      f'network they are from. Choose another {flag}.'
    )
