# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The facts of a run, read from config.json and run.json."""

from collections.abc import Mapping
import json
import os
import pathlib
from typing import Any

from etils import epath

from bit_covid.report import blocks

UNKNOWN = 'not recorded'
# How the names of checkpoints pre-trained on drawn textures begin.
_TEXTURES = 'Textures-'


def read_lines(path: str | os.PathLike[str]) -> list[dict[str, float]]:
  """Returns the measurements in a metrics.jsonl, [] where it does not exist.

  Raises:
    ValueError: a line other than the last is not JSON; the message names it.
  """
  path = epath.Path(path)
  lines = path.read_text().splitlines() if path.exists() else []
  rows = []
  for number, line in enumerate(lines, start=1):
    try:
      rows.append(json.loads(line))
    except ValueError as error:
      # A crash may have cut the last line short.
      if number < len(lines):
        raise ValueError(
          f'{path}:{number}: not JSON: {line!r}. Restore or remove it.'
        ) from error
  return rows


def data_name(config: Mapping[str, Any] | None) -> str | None:
  """Returns the name of a run's data set, None where it is not recorded."""
  return ((config or {}).get('data') or {}).get('name')


def caution(config: Mapping[str, Any] | None) -> str:
  """Returns what the numbers of a run cannot show; '' where nothing is known.

  Args:
    config: config.json; None where there is none.
  """
  name = data_name(config) or ''
  texts = []
  if name.startswith(('phantom', 'textures')):
    texts.append(
      'These slices are drawn by the software itself: the numbers show that it '
      'works, and nothing about patients.'
    )
  if name.startswith('covidx_ct'):
    texts.append(
      'In COVIDx CT class and source go together, and Normal scans come whole '
      'where others come as lesion slices: read these numbers as an upper '
      'bound of what to expect at another hospital.'
    )
  init = pathlib.PurePath((config or {}).get('init') or '')
  if init.name.startswith(_TEXTURES):
    texts.append(
      'The network was pre-trained on textures drawn by the software, not on '
      'photographs: its numbers are not comparable with the published ones.'
    )
  return ' '.join(texts)


def section(
  config: Mapping[str, Any] | None, starts: list[Mapping[str, Any]] | None
) -> blocks.Section:
  """Returns the section on the run; missing facts read 'not recorded'."""
  rows = [*_config_rows(config or {}), *_start_rows(starts or [])]
  return blocks.Section(
    'run',
    'The run',
    [
      blocks.Table(
        'From config.json and run.json',
        ['Fact', 'Value'],
        [blocks.cells(*row) for row in rows],
      )
    ],
  )


def _config_rows(config: Mapping[str, Any]) -> list[tuple[str, str]]:
  data = config.get('data') or {}
  model = config.get('model') or {}
  schedule = config.get('schedule')
  fingerprints = config.get('fingerprints') or {}
  return [
    ('Data', _text(data.get('name'))),
    *(
      (f'Fingerprint of {split}', str(value))
      for split, value in fingerprints.items()
    ),
    ('Input', _size(data)),
    ('Network', _text(model.get('name'))),
    ('Numbers', _text(model.get('dtype'))),
    ('Initial weights', _text(config.get('init'))),
    ('Steps', f'{schedule[-1]:,}' if schedule else UNKNOWN),
    ('Batch', _text(config.get('batch'))),
    ('Seed', _text(config.get('seed'))),
  ]


def _start_rows(starts: list[Mapping[str, Any]]) -> list[tuple[str, str]]:
  last = starts[-1] if starts else {}
  devices = last.get('devices') or []
  kinds = [f'{devices.count(kind)} x {kind}' for kind in dict.fromkeys(devices)]
  packages = [
    f'{name} {version}'
    for name, version in (last.get('packages') or {}).items()
    if version
  ]
  return [
    ('Device', ', '.join(kinds) or UNKNOWN),
    ('Commit', _text(last.get('commit'))),
    ('Started', _text(last.get('time'))),
    ('Starts', str(len(starts)) if starts else UNKNOWN),
    ('Python', _text(last.get('python'))),
    ('bit_covid', _text(last.get('bit_covid'))),
    ('Packages', ', '.join(packages) or UNKNOWN),
  ]


def _size(data: Mapping[str, Any]) -> str:
  if 'crop' not in data:
    return UNKNOWN
  return (
    f'{data["crop"]} x {data["crop"]} pixels, box: {_text(data.get("box"))}'
  )


def _text(value: Any) -> str:
  return UNKNOWN if value is None or value == '' else str(value)
