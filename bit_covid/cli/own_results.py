# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether an evaluation may replace the results of a training."""

from collections.abc import Mapping
import json

from etils import epath
import ml_collections

from bit_covid.training import run_identity
import input_pipeline

# Of the computation; that of `resnet_v2.create`.
DTYPE = 'float32'
# Fields of `data` on which the pixels that the network sees depend.
_IMAGE_FIELDS = ('name', 'box', 'crop', 'antialias', 'range_16bit')


def check(
  workdir: epath.Path,
  config: ml_collections.ConfigDict,
  splits: Mapping[str, input_pipeline.Examples],
) -> None:
  """Checks that results of the run may be replaced by the asked ones.

  Raises:
    ValueError: they are of other data, preprocessing or dtype.
  """
  found = run_identity.read(workdir) or {}
  known = found.get('fingerprints') or {}
  for name, examples in splits.items():
    if known.get(name) != examples.fingerprint:
      raise ValueError(
        f'{name} is no split of the data that {workdir} was trained and '
        f'evaluated on ({", ".join(known)}); give --output=FOLDER, so that '
        'they are not mixed.'
      )
  # What a run of an earlier version does not say is not compared.
  data = json.loads(config.to_json())
  fields = [x for x in _IMAGE_FIELDS if x in found.get('data', {})]
  there = {f'data.{key}': found['data'][key] for key in fields}
  here = {f'data.{key}': data[key] for key in fields}
  there['model.dtype'] = found.get('model', {}).get('dtype', DTYPE)
  here['model.dtype'] = DTYPE
  if different := run_identity.differences(there, here):
    raise ValueError(
      f'The results in {workdir} are of another computation: '
      f'{"; ".join(different)}; give --output=FOLDER, so that they are kept.'
    )
