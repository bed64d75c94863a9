# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The checksums of the files of a finished run, kept in its finished.json.

Checkpoints hold their own. Commands that add results to a run replace the
checksums of what they write, and of nothing else.
"""

import pathlib
from typing import Any

from etils import epath

from bit_covid.base import checksums
from bit_covid.base import files

FILE_NAME = 'finished.json'
# TensorBoard's files are no results.
_PATTERNS = (
  *('config.json', 'run.json', 'splits.csv', 'metrics.jsonl', 'model.npz'),
  *('out_of_distribution.npz', 'validation_patients.json'),
  'test_ledger.jsonl',
  *('slices/*', 'predictions/*', 'gradcam/*', 'report/*', 'report/figures/*'),
)
_KEY = 'sha256'


def write(workdir: epath.Path, facts: dict[str, Any]) -> None:
  """Writes finished.json: the facts, and the checksums of the run's files."""
  content = facts | {_KEY: _collect(workdir, _PATTERNS)}
  files.write_json(workdir / FILE_NAME, content)


def update(workdir: pathlib.Path, *patterns: str) -> None:
  """Replaces the checksums of files that were written, if there are any."""
  workdir = epath.Path(workdir)
  content = files.read_json(workdir / FILE_NAME)
  if content and _KEY in content:
    content[_KEY] |= _collect(workdir, patterns)
    files.write_json(workdir / FILE_NAME, content)


def forget_missing(workdir: pathlib.Path, folder: str) -> None:
  """Removes the checksums of files that a folder of the run no longer has."""
  workdir = epath.Path(workdir)
  content = files.read_json(workdir / FILE_NAME)
  if content and _KEY in content:
    content[_KEY] = {
      name: digest
      for name, digest in content[_KEY].items()
      if not name.startswith(f'{folder}/') or (workdir / name).exists()
    }
    files.write_json(workdir / FILE_NAME, content)


def is_whole(workdir: pathlib.Path) -> bool:
  """Returns whether a run is finished and none of its files is missing."""
  content = files.read_json(workdir / FILE_NAME) or {}
  sums = content.get(_KEY)
  return isinstance(sums, dict) and all((workdir / x).exists() for x in sums)


def problems(workdir: pathlib.Path) -> list[str] | None:
  """Returns a text for each file that is missing or changed.

  None: the run is not finished, or of an earlier version without checksums.
  """
  workdir = epath.Path(workdir)
  content = files.read_json(workdir / FILE_NAME)
  if not content or _KEY not in content:
    return None
  if not isinstance(content[_KEY], dict):
    return [f'{FILE_NAME} is not as it was written']
  return checksums.problems(workdir, content[_KEY])


def _collect(folder: epath.Path, patterns: tuple[str, ...]) -> dict[str, str]:
  paths = [path for pattern in patterns for path in folder.glob(pattern)]
  return checksums.of_files(folder, [x for x in paths if x.is_file()])
