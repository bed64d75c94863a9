# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the verbs load, and what they write to standard error."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from bit_covid.cli import command_line
from bit_covid.training import manifest

ROOT = pathlib.Path(__file__).parents[3]
FINISHED = ROOT / 'tests' / 'stored' / 'finished'
# What takes longest to import.
HEAVY = ('jax', 'matplotlib', 'pandas', 'sklearn', 'tensorflow')
# Wrong paths of each verb.
WRONG = {
  'train': ['--config=none.py', '--workdir=run'],
  'evaluate': ['none.npz', '--output=new'],
  'predict': ['none', '--checkpoint=none.npz', '--output=new'],
  'archive': ['predict', 'none', '--checkpoint=none.npz', '--output=new'],
  'report': ['none'],
  'compare': ['none', 'none.csv'],
  'audit': ['none.csv'],
  'card': ['none'],
  'verify': ['none.npz'],
  'leave-out': ['none'],
  'out-of-distribution': ['none'],
  'export': ['none.npz', '--format=npz', '--output=new'],
  'app': ['--checkpoint=none.npz', '--no_browser', '--port=0'],
  'paper': ['table3', '--workdir=new', '--data=none'],
  'split': ['none.csv'],
  'from-dicom': ['none', '--labels=none', '--output=new', '--key=key'],
}
# A process that runs commands one after the other, and prints the exit code of
# each and which packages were loaded after it.
_PROGRAM = """
import contextlib, io, json, sys
from bit_covid.cli import command_line
# Read before a command changes them.
commands, packages = json.loads(sys.argv[1]), {'tensorflow', *sys.argv[2:]}
for argv in commands:
  with contextlib.redirect_stdout(io.StringIO()):
    try:
      code = command_line.main(argv)
    except SystemExit as end:
      code = end.code
  print(argv[0], code, *sorted(packages & {*sys.modules}))
"""


def _run(folder, *commands, packages=()):
  """Returns a line for each command, and the lines on standard error."""
  # A test of this process may have given --debug, which sets it.
  environment = {**os.environ}
  environment.pop('TF_CPP_MIN_LOG_LEVEL', None)
  result = subprocess.run(
    [sys.executable, '-c', _PROGRAM, json.dumps(commands), *packages],
    cwd=folder,
    env=environment | {'PYTHONPATH': str(ROOT), 'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr
  return result.stdout.splitlines(), result.stderr.splitlines()


def test_help_loads_no_large_package(tmp_path):
  commands = [[verb, '--help'] for verb in command_line.VERBS]
  out, errors = _run(tmp_path, *commands, packages=HEAVY)
  assert out == [f'{verb} 0' for verb in command_line.VERBS]
  assert errors == []


def test_a_wrong_path_is_said_before_a_large_package_is_loaded(tmp_path):
  assert set(WRONG) == set(command_line.VERBS)
  commands = [[verb, *arguments] for verb, arguments in WRONG.items()]
  out, errors = _run(tmp_path, *commands, packages=HEAVY)
  assert out == [f'{verb} 2' for verb in WRONG]
  assert len(errors) == len(WRONG)
  for line in errors:
    assert line.startswith('Error: ')
    assert 'none' in line
  assert list(tmp_path.iterdir()) == []


@pytest.fixture
def folder(tmp_path, save_checkpoint, chest, write_dicom):
  """A folder with a finished run, two series of DICOM, and their labels."""
  run = shutil.copytree(FINISHED, tmp_path / 'run')
  save_checkpoint(run)
  manifest.update(run, 'model.npz')
  for name in ('a', 'b'):
    (tmp_path / 'scans' / name).mkdir(parents=True)
    for z in range(3):
      write_dicom(
        tmp_path / 'scans' / name / f'{z}.dcm',
        chest(64, seed=z + 3 * (name == 'b')),
        SeriesInstanceUID=f'1.2.{ord(name)}',
        ImagePositionPatient=[0, 0, -5 * z],
      )
  labels = 'series,label,patient\na,CP,P1\nb,NCP,P2\n'
  (tmp_path / 'labels.csv').write_text(labels)
  rows = [f'{i}.png,{x},{x}{i}' for i in range(3) for x in ('CP', 'NCP')]
  (tmp_path / 'all.csv').write_text(
    '\n'.join(['path,label,patient', *rows]) + '\n'
  )
  return tmp_path


def test_these_verbs_need_no_tensorflow_and_say_nothing_more(folder):
  key = ['--labels=labels.csv', '--output=data', '--key=key']
  commands = {
    'predict': ['scans', '--checkpoint=run', '--output=scored'],
    'verify': ['run'],
    'report': ['run'],
    'compare': ['run', 'run'],
    'card': ['run'],
    'export': ['run', '--format=npz', '--output=exported'],
    'split': ['all.csv'],
    'from-dicom': ['scans', *key],
  }
  out, errors = _run(
    folder,
    *([verb, *arguments] for verb, arguments in commands.items()),
    packages=('tensorflow_datasets',),
  )
  assert out == [f'{verb} 0' for verb in commands]
  assert errors == []


def test_the_page_needs_no_tensorflow():
  program = """
import sys
from bit_covid.app import server
assert not {'tensorflow', 'tensorflow_datasets'} & {*sys.modules}
"""
  subprocess.run([sys.executable, '-c', program], cwd=ROOT, check=True)


def test_a_scan_needs_no_scikit_learn():
  program = """
import sys
from bit_covid.cli import predict_scans
assert not {'sklearn', 'scipy.stats', 'tensorflow'} & {*sys.modules}
"""
  subprocess.run([sys.executable, '-c', program], cwd=ROOT, check=True)
