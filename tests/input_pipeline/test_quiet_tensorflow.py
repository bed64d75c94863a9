# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
# Stands for TensorFlow: writes to the file descriptor, as C++ does.
_FAKE = """
import os, types
os.write(2, b'I0000 noise of C++\\n')
config = types.SimpleNamespace(set_visible_devices=lambda *_: None)
"""


def _import(folder, code, *, level=None):
  """Returns the result of importing a fake TensorFlow."""
  (folder / 'tensorflow.py').write_text(_FAKE + code)
  environment = dict(os.environ)
  environment.pop('TF_CPP_MIN_LOG_LEVEL', None)
  if level is not None:
    environment['TF_CPP_MIN_LOG_LEVEL'] = level
  program = """
import os, sys
from input_pipeline.quiet_tensorflow import tf
os.write(2, b'after\\n')
"""
  return subprocess.run(
    [sys.executable, '-c', program],
    cwd=ROOT,
    env=environment | {'PYTHONPATH': f'{folder}{os.pathsep}{ROOT}'},
    capture_output=True,
    text=True,
    check=False,
  )


def test_what_tensorflow_writes_while_it_loads_is_hidden(tmp_path):
  result = _import(tmp_path, '')
  assert (result.returncode, result.stderr) == (0, 'after\n')


def test_it_is_shown_if_it_is_asked_for(tmp_path):
  result = _import(tmp_path, '', level='0')
  assert result.stderr == 'I0000 noise of C++\nafter\n'


@pytest.mark.parametrize(
  ('code', 'error'),
  [
    ("raise ImportError('no such library')", 'ImportError: no such library'),
    ('config = None', "AttributeError: 'NoneType' object has no attribute"),
  ],
)
def test_nothing_is_hidden_if_it_fails(tmp_path, code, error):
  result = _import(tmp_path, code)
  assert result.returncode == 1
  assert result.stderr.startswith('I0000 noise of C++\nTraceback')
  assert error in result.stderr


def test_it_loads_without_standard_error(tmp_path):
  (tmp_path / 'tensorflow.py').write_text(
    'import types\nconfig = types.SimpleNamespace(set_visible_devices=print)\n'
  )
  program = 'from input_pipeline.quiet_tensorflow import tf'
  result = subprocess.run(
    f'{sys.executable} -c "{program}" 2>&-',
    shell=True,
    cwd=ROOT,
    env=os.environ | {'PYTHONPATH': f'{tmp_path}{os.pathsep}{ROOT}'},
    check=False,
  )
  assert result.returncode == 0
