# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Links, paths and commands that the documents name exist."""

import importlib.util
import pathlib
import re

import pytest

from bit_covid.base import moved
from bit_covid.cli import command_line

ROOT = pathlib.Path(__file__).parents[1]
DOCUMENTS = [
  ROOT / 'README.md',
  ROOT / 'CONTRIBUTING.md',
  *sorted((ROOT / 'docs').glob('*.md')),
  *sorted(ROOT.glob('*/README.md')),
  *sorted(ROOT.glob('*/*/README.md')),
]
# Folders in which a path like `analysis/metrics.py` may be looked up.
ROOTS = ('', 'bit_covid', 'input_pipeline')
# Files that a user writes, an export contains, or another project has.
OTHER_FILES = {'docs/models.md', 'example.py', 'prepare_slice.py'}
# Where the paths of this repository begin.
FOLDERS = 'bit_covid|benchmarks|colabs|configs|docs|input_pipeline|tests'
# Packages that are not part of this project.
OTHER_MODULES = {'pip', 'venv', 'pytest'}

pytestmark = pytest.mark.parametrize(
  'path', DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)


def _links(text):
  """Returns the targets of links and images that are relative paths."""
  targets = re.findall(r'\]\(([^)\s]+)\)', text)
  return [x for x in targets if not re.match(r'[a-z]+:|#', x)]


def _python_files(text):
  """Returns the paths and names of Python files, such as `cli/train.py`."""
  return set(re.findall(r'(?<![\w/.-])[\w/.-]*\w+\.py(?!\w)', text))


def _exists(name, document):
  folders = [document.parent, *(ROOT / folder for folder in ROOTS)]
  if any((folder / name).exists() for folder in folders):
    return True
  packages = ('bit_covid', 'input_pipeline', 'benchmarks', 'configs')
  # A name without its folder, in a table whose heading names the room.
  return any(
    file.as_posix().endswith(f'/{name}')
    for package in packages
    for file in (ROOT / package).rglob('*.py')
  )


def test_relative_links_lead_to_files(path):
  missing = [
    link
    for link in _links(path.read_text())
    if not (path.parent / link.split('#')[0]).exists()
  ]
  assert not missing


def test_python_files_exist(path):
  names = _python_files(path.read_text()) - OTHER_FILES
  assert not [name for name in sorted(names) if not _exists(name, path)]


def test_paths_from_the_top_of_the_repository_exist(path):
  names = re.findall(rf'(?<![\w/.])(?:{FOLDERS})/[\w/.-]*\w', path.read_text())
  assert not [x for x in names if x not in OTHER_FILES and not _exists(x, path)]


def test_verbs_exist(path):
  pattern = r'(?:`|^|-m )bit[-_]covid ([a-z][a-z-]*)'
  verbs = re.findall(pattern, path.read_text(), re.MULTILINE)
  assert set(verbs) <= command_line.VERBS.keys()


def test_modules_that_are_run_exist_under_the_name_of_today(path):
  names = set(re.findall(r'python3? -m ([\w.]+)', path.read_text()))
  names -= OTHER_MODULES
  assert not [name for name in names if importlib.util.find_spec(name) is None]
  assert not names & moved.MOVED.keys()
