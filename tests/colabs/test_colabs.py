# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The notebooks fit the code, hold what they showed, and run."""

import ast
import importlib
import inspect
import json
import pathlib
import re
import resource

import nbformat
import pytest

import bit_covid

ROOT = pathlib.Path(__file__).parents[2]
PATHS = {x.stem: x for x in sorted((ROOT / 'colabs').glob('*.ipynb'))}
# In outputs and metadata: what is of one machine.
_MACHINE = re.compile(
  r'(?:/(?:home|root|tmp|work|opt|mnt|var|usr|Users|private|content)/\w'
  r'|[A-Z]:\\\\|site-packages|ipykernel_)'
)
_PROJECT = ('bit_covid', 'input_pipeline')
_MOST_BYTES = 400_000
_MOST_SECONDS = 300


def _read(name):
  return nbformat.read(PATHS[name], as_version=4)


def _code_cells(notebook):
  return [x for x in notebook.cells if x.cell_type == 'code']


def _outputs(notebook):
  return [x for cell in _code_cells(notebook) for x in cell.outputs]


def _pictures(outputs):
  return sum(
    any(kind.startswith('image/') for kind in x.get('data', {}))
    for x in outputs
  )


def test_these_are_the_notebooks():
  assert set(PATHS) == {
    'explain_a_scan',
    'fine_tune',
    'tpu',
    'your_own_images',
  }


@pytest.mark.parametrize('name', PATHS)
def test_what_it_showed_is_kept(name):
  notebook = _read(name)
  nbformat.validate(notebook)
  cells = _code_cells(notebook)
  counts = [cell.execution_count for cell in cells]
  assert counts == list(range(1, len(cells) + 1))
  outputs = _outputs(notebook)
  assert _pictures(outputs) >= 1
  kinds = {(x.output_type, x.get('name')) for x in outputs}
  assert not kinds & {('error', None), ('stream', 'stderr')}
  assert PATHS[name].stat().st_size <= _MOST_BYTES
  assert notebook.metadata.kernelspec.name == 'python3'


@pytest.mark.parametrize('name', PATHS)
def test_nothing_of_a_machine_is_kept(name):
  notebook = _read(name)
  texts = [json.dumps(notebook.metadata)]
  for cell in notebook.cells:
    texts.append(json.dumps(cell.metadata))
    for output in cell.get('outputs', ()):
      for kind in output.get('data', {}):
        if kind.startswith('image/'):
          output.data[kind] = ''
      texts.append(json.dumps(output))
  for text in texts:
    assert not _MACHINE.search(text), text


@pytest.mark.parametrize('name', PATHS)
def test_it_says_once_what_it_is_not(name):
  text = PATHS[name].read_text()
  assert text.count('Research software, not a medical device.') == 1


class _Project(ast.NodeVisitor):
  """Resolves what code takes from the project, and lists what is not there."""

  def __init__(self, known):
    self.known = dict(known)
    self.wrong = []

  def visit_Import(self, node):
    for alias in node.names:
      if alias.name.split('.')[0] in _PROJECT:
        module = importlib.import_module(alias.name)
        self.known[alias.asname or alias.name.split('.')[0]] = module

  def visit_ImportFrom(self, node):
    if node.module.split('.')[0] in _PROJECT:
      module = importlib.import_module(node.module)
      for alias in node.names:
        try:
          found = getattr(module, alias.name)
        except AttributeError:
          found = importlib.import_module(f'{node.module}.{alias.name}')
        self.known[alias.asname or alias.name] = found

  def visit_Call(self, node):
    function = self._resolve(node.func)
    starred = any(isinstance(x, ast.Starred) for x in node.args)
    if function is not None and not starred:
      try:
        inspect.signature(function).bind(
          *node.args, **{x.arg: x.value for x in node.keywords}
        )
      except TypeError as error:
        self.wrong.append(f'{ast.unparse(node)}: {error}')
    self.generic_visit(node)

  def visit_Attribute(self, node):
    self._resolve(node)
    self.generic_visit(node)

  def _resolve(self, node):
    if isinstance(node, ast.Name):
      return self.known.get(node.id)
    if not isinstance(node, ast.Attribute):
      return None
    owner = self._resolve(node.value)
    # What a function returns is not known here.
    if not (inspect.ismodule(owner) or isinstance(owner, bit_covid.Classifier)):
      return None
    if not hasattr(owner, node.attr):
      self.wrong.append(f'{ast.unparse(node)} does not exist')
    return getattr(owner, node.attr, None)


def _check(sources):
  """Returns what the sources, in order, take from the project wrongly."""
  classifier = bit_covid.load('Textures-M-tiny')
  visitor = _Project({'classifier': classifier})
  for source in sources:
    visitor.visit(ast.parse(source))
  return list(dict.fromkeys(visitor.wrong))


@pytest.mark.parametrize('name', PATHS)
def test_what_it_calls_exists(name):
  sources = [cell.source for cell in _code_cells(_read(name))]
  assert _check(sources) == []
  # Thin: what would be a function belongs into the project.
  nodes = [node for x in sources for node in ast.walk(ast.parse(x))]
  defined = (ast.FunctionDef, ast.ClassDef)
  assert not [x for x in nodes if isinstance(x, defined)]
  # A name that is taken from the project stays what it is.
  taken = {
    alias.asname or alias.name
    for x in nodes
    if isinstance(x, ast.ImportFrom) and x.module.startswith(_PROJECT)
    for alias in x.names
  }
  stored = {
    x.id
    for x in nodes
    if isinstance(x, ast.Name) and isinstance(x.ctx, ast.Store)
  }
  assert not taken & stored


@pytest.mark.parametrize('name', PATHS)
def test_it_imports_nothing_that_a_wheel_lacks(name):
  for cell in _code_cells(_read(name)):
    for node in ast.walk(ast.parse(cell.source)):
      if isinstance(node, ast.Import):
        assert 'configs' not in {x.name.split('.')[0] for x in node.names}
      if isinstance(node, ast.ImportFrom):
        assert node.module.split('.')[0] != 'configs'


def test_what_does_not_exist_is_found():
  wrong = _check(
    [
      'from bit_covid.analysis import figures\nimport bit_covid',
      'figures.new(3.0), bit_covid.load("x")',
      'figures.old(3.0)',
      'figures.new()',
      'classifier.predict(x, chek=False)',
      'classifier.predictions(x)',
    ]
  )
  assert len(wrong) == 4
  for text, found in zip(
    ('old', 'height', 'chek', 'predictions'), wrong, strict=True
  ):
    assert text in found


def _seconds_of_children():
  """Returns the time of a core, which other jobs do not make longer."""
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  return used.ru_utime + used.ru_stime


@pytest.mark.slow
@pytest.mark.parametrize('name', PATHS)
def test_it_runs_from_top_to_bottom(name, run_installed, tmp_path):
  start = _seconds_of_children()
  program = ROOT / 'colabs/execute.py'
  result = run_installed([program, name, '--output=.'], tmp_path)
  assert result.returncode == 0, result.stderr
  assert 0 < _seconds_of_children() - start < _MOST_SECONDS
  kept, fresh = _read(name), nbformat.read(tmp_path / f'{name}.ipynb', 4)
  for before, after in zip(_code_cells(kept), _code_cells(fresh), strict=True):
    assert after.source == before.source
    assert _pictures(after.outputs) == _pictures(before.outputs), after.id
  if name == 'fine_tune':
    assert 'The same predictions: True' in json.dumps(_outputs(fresh))
