# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The facts of a run, read from config.json and run.json."""

from collections.abc import Mapping
import pathlib
from typing import Any

from bit_covid.base import files
from bit_covid.report import blocks


def of_data(config: Mapping[str, Any] | None) -> Mapping[str, Any]:
  """Returns the part of config.json on the data, {} where there is none."""
  return (config or {}).get('data') or {}


def data_name(config: Mapping[str, Any] | None) -> str | None:
  """Returns the name of a run's data set, None where it is not recorded."""
  return of_data(config).get('name')


def table(
  config: Mapping[str, Any] | None, starts: pathlib.Path
) -> blocks.Table:
  """Returns the facts of a run and those in its run.json, if that exists."""
  starts = files.read_json(starts, list) or []
  rows = [*_config_rows(config or {}), *_start_rows(starts)]
  return blocks.Table(
    'From config.json and run.json. The fingerprint of a split is a digest of '
    'all its slices: other data have another one',
    ['Fact', 'Value'],
    [blocks.cells(name, _text(value)) for name, value in rows],
  )


def _config_rows(config: Mapping[str, Any]) -> list[tuple[str, Any]]:
  data = of_data(config)
  model = config.get('model') or {}
  schedule = config.get('schedule')
  fingerprints = config.get('fingerprints') or {}
  size = ''
  if 'crop' in data:
    box = _text(data.get('box'))
    size = f'{data["crop"]} x {data["crop"]} pixels, box: {box}'
  return [
    ('Data', data.get('name')),
    *(
      [('Left out of train and val', data['leave_out'])]
      if data.get('leave_out')
      else []
    ),
    *((f'Fingerprint of {split}', x) for split, x in fingerprints.items()),
    ('Input', size),
    ('Network', model.get('name')),
    ('Arithmetic', model.get('dtype')),
    ('Initial weights', config.get('init')),
    ('Steps', f'{schedule[-1]:,}' if schedule else ''),
    ('Batch', config.get('batch')),
    ('Seed', config.get('seed')),
    ('Network that was kept', config.get('keep')),
    # Of all folds together.
    *([('Folds', config['folds'])] if 'folds' in config else []),
  ]


def _start_rows(starts: list[Mapping[str, Any]]) -> list[tuple[str, Any]]:
  last = starts[-1] if starts else {}
  changes = [x for start in starts for x in start.get('data_changes', [])]
  devices = last.get('devices') or []
  kinds = [
    f'{devices.count(kind)} x {"cpu" if kind == "cpu:cpu" else kind}'
    for kind in dict.fromkeys(devices)
  ]
  packages = [
    f'{name} {version}'
    for name, version in (last.get('packages') or {}).items()
    if version
  ]
  return [
    ('Device', ', '.join(kinds)),
    ('Commit', last.get('commit')),
    ('Started', last.get('time')),
    ('Times started', len(starts) or None),
    *(('Data changed during the run', x) for x in changes),
    ('Python', last.get('python')),
    ('bit_covid', last.get('bit_covid')),
    ('Packages', ', '.join(packages)),
  ]


def _text(value: Any) -> str:
  return 'not recorded' if value is None or value == '' else str(value)
