# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the files of a run say, as statements quote it."""

from collections import Counter
from collections.abc import Mapping
import math
import pathlib
from typing import Any, NamedTuple

from bit_covid.analysis import data_caution
from bit_covid.analysis import metrics
from bit_covid.analysis import run_tables
from bit_covid.analysis import split_counts
from bit_covid.base import files
from bit_covid.card import config_words
from bit_covid.training import config_history
from bit_covid.weights import metadata
from bit_covid.weights import npz_archive

_HEAD_BIAS = 'resnet/head/conv2d/bias'
_REPORT = 'report/metrics.json'
_WRITE_REPORT = 'write it again: bit-covid report RUN'
_AUDIT = 'audit/audit.json'
_WRITE_AUDIT = 'write it: bit-covid audit DATASET --run=RUN'


class File(NamedTuple):
  """A file of a run: its name in the run and a tree of plain values.

  The content is empty where there is no such file; then the remedy says what to
  do. The prefix says where in the file the tree begins.
  """

  name: str
  content: Any
  remedy: str = 'only a training writes it: bit-covid train'
  prefix: str = ''


Evidence = Mapping[str, File]


def read(workdir: pathlib.Path) -> Evidence:
  """Returns the files of a run that has a report.

  Raises:
    ValueError: there is no report, it is of an earlier version, or a file is
      damaged.
  """
  all_numbers = metrics.read_json(workdir)
  split = run_tables.main_split(list(all_numbers)) if all_numbers else ''
  numbers = all_numbers.get(split, {})
  if 'patients_known' not in numbers.get('slice', {}):
    raise ValueError(
      f'{workdir} has no report, or one of an earlier version. Write it first: '
      f'bit-covid report {workdir}'
    )
  config = files.read_json(workdir / 'config.json') or {}
  config = config_history.complete(config)
  # The path of a checkpoint would say something about this machine.
  init = pathlib.PurePath(config.get('init') or '').name
  words = config_words.of(config) | {'init': init}
  caution = {'data': {'name': data_caution.of_run(config)}}
  audit = files.read_json(workdir / 'audit' / 'audit.json') or {}
  findings = audit.get('findings', [])
  return {
    'config': File('config.json', config and config | words),
    'caution': File('config.json', caution),
    'run': File('run.json', _last_start(workdir / 'run.json')),
    'splits': File('splits.csv', _splits(workdir / 'splits.csv', numbers)),
    'split': File(_REPORT, split),
    'metrics': File(
      _REPORT, numbers | _subgroups(numbers), _WRITE_REPORT, f'{split}.'
    ),
    'model': File('model.npz', _model(workdir / 'model.npz')),
    'ledger': File('test_ledger.jsonl', _ledger(workdir)),
    'audit': File(_AUDIT, _checked(findings), _WRITE_AUDIT),
    'findings': File(_AUDIT, findings, _WRITE_AUDIT),
  }


def _last_start(path: pathlib.Path) -> Mapping[str, Any] | None:
  starts = files.read_json(path, list)
  if not starts:
    return None
  devices = Counter(starts[-1].get('devices') or [])
  counts = [
    f'{count} x {kind.removeprefix("cpu:")}' for kind, count in devices.items()
  ]
  return starts[-1] | {'devices': counts}


def _splits(path: pathlib.Path, numbers: Mapping[str, Any]) -> Any:
  found: dict[str, dict[str, str]] = {}
  rows = split_counts.read(path).to_dict('records') if path.exists() else []
  for row in rows:
    text = f'{row["slices"]:,} slices'
    if numbers['slice']['patients_known']:
      text += f' of {row["patients"]:,} patients'
    found.setdefault(row['split'], {})[row['class']] = text
  return found or None


def _subgroups(numbers: Mapping[str, Any]) -> Mapping[str, Any]:
  by_group = {
    f'{x["by"]} {x["name"]}': x['measures']['accuracy']
    for x in numbers['subgroups']
  }
  return {'subgroups': {'accuracy': by_group}}


def _model(path: pathlib.Path) -> Mapping[str, Any] | None:
  if not path.exists():
    return None
  headers = dict(npz_archive.read_headers(path))
  header = headers.pop(metadata.KEY, None)
  shape = headers[_HEAD_BIAS].shape if _HEAD_BIAS in headers else (0,)
  found = metadata.read(path, header, num_logits=shape[0])
  parameters = sum(math.prod(x.shape) for x in headers.values())
  return vars(found) | {'parameters': parameters}


def _ledger(workdir: pathlib.Path) -> Mapping[str, int] | None:
  rows = files.read_json_lines(workdir / 'test_ledger.jsonl')
  return {'checkpoint': len({x['checkpoint'] for x in rows})} if rows else None


def _checked(findings: list[Mapping[str, Any]]) -> Mapping[str, str]:
  """Returns the findings as texts, without the checks that were not made."""
  texts = {}
  for found in findings:
    if found['severity'] != 'NOT CHECKED':
      heading = f'{found["check"]} ({found["severity"].lower()})'
      text = f'{heading}: {found["text"]} {found["advice"]}'.strip()
      texts[found['check']] = text
  return texts
