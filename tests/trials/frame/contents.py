# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What two folders hold, compared."""

from collections.abc import Mapping
import hashlib
import json
import pathlib
import re

import numpy as np

# One for each start of a training.
_EVENTS = re.compile(r'events\.out\.tfevents\..*')
# The files in these folders have random names, or depend on what was compiled.
_CLOSED = re.compile(r'(checkpoints/[^/]+|^cache)/.*')
# These tell times and starts.
_OF_THIS_START = ('run.json', 'log.txt')
# The same in a report.
_STARTS = re.compile(
  rb'<th scope="row">(Started|Times started)</th>\s*<td>[^<]*</td>'
)

# The column of a data set's table that tells when its files were written.
_FILE_TIMES = 'files'


def read(folder: pathlib.Path) -> dict[str, str]:
  """Returns a digest of each file and of each empty folder, by its name.

  Names that differ in each run are made alike; what may differ has no digest.
  """
  found = {}
  for path in sorted(folder.rglob('*')):
    if path.is_dir() and any(path.iterdir()):
      continue
    name = path.relative_to(folder).as_posix()
    if name.endswith('-cache') and not _is_whole_program(path):
      found['a compiled program without its end'] = ''
    name = _EVENTS.sub('events', _CLOSED.sub(r'\1', name))
    is_result = path.is_file() and not name.endswith(
      ('events', *_OF_THIS_START)
    )
    if _CLOSED.search(f'{name}/') or not is_result:
      found[name] = ''
    else:
      found[name] = _digest(path)
  return found


def _is_whole_program(path: pathlib.Path) -> bool:
  # JAX writes this file last.
  return path.with_name(path.name.replace('-cache', '-atime')).exists()


def _digest(path: pathlib.Path) -> str:
  content = _STARTS.sub(b'', path.read_bytes())
  if path.name == 'finished.json':
    return _wrong_checksums(path)
  if path.name.endswith('.table.npz'):
    with np.load(path) as table:
      columns = sorted(set(table) - {_FILE_TIMES})
      content = repr([(x, table[x].tolist()) for x in columns]).encode()
  if path.name == 'test_ledger.jsonl':
    rows = [json.loads(line) for line in content.splitlines()]
    content = repr([(x['split'], x['checkpoint']) for x in rows]).encode()
  return hashlib.sha256(content).hexdigest()


def _wrong_checksums(path: pathlib.Path) -> str:
  """Returns the names of the files that a manifest describes wrongly."""
  checksums = json.loads(path.read_bytes())['sha256']
  return ' '.join(
    name
    for name, expected in checksums.items()
    if not (path.parent / name).exists()
    or hashlib.sha256((path.parent / name).read_bytes()).hexdigest() != expected
  )


def differences(
  expected: Mapping[str, str], found: Mapping[str, str]
) -> list[str]:
  """Returns a text for each file that is missing or has other bytes."""
  texts = [f'{name} is missing' for name in expected if name not in found]
  texts += [
    f'{name} has other bytes'
    for name in expected
    if name in found and found[name] != expected[name]
  ]
  return texts


def strays(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
  """Returns the names of the files that should not be there."""
  return [name for name in found if name not in expected]
