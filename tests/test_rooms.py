# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The rooms of docs/architecture.md, and who may import whom."""

import ast
import importlib
import importlib.util
import pathlib
import pkgutil
import subprocess
import sys

import pytest

from bit_covid.base import moved
from bit_covid.cli import command_line

ROOT = pathlib.Path(__file__).parents[1]
PACKAGES = ('bit_covid', 'input_pipeline')
FILES = [path for name in PACKAGES for path in (ROOT / name).rglob('*.py')]


def test_the_contracts_of_import_linter_hold():
  linter = pathlib.Path(sys.executable).with_name('lint-imports')
  result = subprocess.run(
    [linter], cwd=ROOT, capture_output=True, text=True, check=False
  )
  assert result.returncode == 0, result.stdout + result.stderr
  assert ' kept, 0 broken.' in result.stdout


def test_the_front_of_the_house_has_five_modules():
  found = {path.name for path in (ROOT / 'bit_covid').glob('*.py')}
  assert found == {
    '__init__.py',
    '__main__.py',
    'main.py',
    'predict.py',
    'classifier.py',
  }


def _imports_in_functions(path):
  """Yields the first line of each run of imports inside a function."""
  tree = ast.parse(path.read_text())
  for function in ast.walk(tree):
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
      continue
    previous = None
    for node in ast.walk(function):
      body = getattr(node, 'body', [])
      for statement in body if isinstance(body, list) else []:
        is_import = isinstance(statement, ast.Import | ast.ImportFrom)
        if is_import and not isinstance(previous, ast.Import | ast.ImportFrom):
          yield statement.lineno
        previous = statement


@pytest.mark.parametrize(
  'path', FILES, ids=[str(path.relative_to(ROOT)) for path in FILES]
)
def test_imports_inside_functions_say_why(path):
  lines = path.read_text().splitlines()
  for number in _imports_in_functions(path):
    assert lines[number - 2].strip().startswith('#'), (
      f'{path}:{number} imports inside a function; say why in a comment above, '
      'or import at the top.'
    )


@pytest.mark.parametrize(
  'path', FILES, ids=[str(path.relative_to(ROOT)) for path in FILES]
)
def test_private_constants_are_used(path):
  tree = ast.parse(path.read_text())
  defined = {
    target.id
    for statement in tree.body
    if isinstance(statement, ast.Assign)
    for target in statement.targets
    if isinstance(target, ast.Name) and target.id.startswith('_')
  }
  used = {
    node.id
    for node in ast.walk(tree)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
  }
  assert not {x for x in defined - used if not x.startswith('__')}


def test_former_names_give_the_modules_of_today():
  moved_from_input = {
    f'input_pipeline.{name}': f'bit_covid.cli.{name}'
    for name in ('split', 'from_dicom')
  }
  for old, new in (moved.MOVED | moved_from_input).items():
    assert importlib.import_module(old) is importlib.import_module(new), old
  module = importlib.import_module('bit_covid.analysis.report.values')
  assert module.__name__ == module.__spec__.name == 'bit_covid.report.values'


def test_a_name_that_never_was_is_an_error():
  with pytest.raises(ModuleNotFoundError, match=r'bit_covid\.no_such'):
    importlib.import_module('bit_covid.no_such')
  with pytest.raises(ModuleNotFoundError, match=r'report\.no_such'):
    importlib.import_module('bit_covid.analysis.report.no_such')


@pytest.mark.parametrize('verb', command_line.VERBS)
def test_every_verb_runs_as_a_module(verb):
  module = f'bit_covid.{verb.replace("-", "_")}'
  # Not the spec of a module that another test has imported.
  spec = moved._Finder().find_spec(module, None) or importlib.util.find_spec(
    module
  )
  if spec.submodule_search_locations:
    spec = importlib.util.find_spec(f'{module}.__main__')
  assert 'main' in spec.loader.get_code(spec.name).co_names


@pytest.mark.parametrize(
  ('arguments', 'code', 'error'),
  [
    (['--help'], 0, ''),
    (['none', '--split=test'], 2, 'Error: none does not exist, so results'),
  ],
)
def test_evaluate_runs_under_its_former_names(arguments, code, error):
  for name in ('evaluate', 'evaluate_command'):
    result = subprocess.run(
      [sys.executable, '-m', f'bit_covid.{name}', *arguments],
      cwd=ROOT,
      capture_output=True,
      text=True,
      check=False,
    )
    assert result.returncode == code
    assert result.stderr.startswith(error)
    assert result.stderr.count('\n') == bool(error)
    assert result.stdout.startswith('' if error else 'usage: python -m')


@pytest.mark.parametrize(
  'module',
  [
    'bit_covid.verify',
    'bit_covid.analysis.report',
    'input_pipeline.split',
  ],
)
def test_former_commands_run(module):
  result = subprocess.run(
    [sys.executable, '-m', module, '--help'],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr
  assert result.stdout.startswith('usage: python -m bit_covid.')


# Modules that need packages of extras.
OPTIONAL = (
  *('onnx_builder', 'onnx_format', 'onnx_graph'),
  *('private_openvino', 'openvino_engine'),
  *('dicom_terms', 'parametric_map', 'structured_report'),
  # They need Dask or Parquet; the others of their room do not.
  'bit_covid.archive.cluster',
  'bit_covid.archive.parts',
  'bit_covid.archive.score_archive',
  'bit_covid.archive.score_study',
  'bit_covid.archive.summary',
  'bit_covid.archive.tables',
)


def test_every_module_can_be_imported():
  # Those with a main program at their end run it only as a program.
  for name in PACKAGES:
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, f'{name}.'):
      if found.name.endswith(('__main__', *OPTIONAL)):
        continue
      importlib.import_module(found.name)
