# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The notebooks' code, and a Python that has bit_covid from a wheel only."""

from collections.abc import Callable, Sequence
import os
import pathlib
import subprocess
import sysconfig
import types
import venv

import pytest

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope='session')
def execute() -> types.SimpleNamespace:
  """The names of colabs/execute.py, which is a program outside any package."""
  names = {'__file__': str(ROOT / 'colabs/execute.py'), '__name__': 'execute'}
  exec((ROOT / 'colabs/execute.py').read_text(), names)
  return types.SimpleNamespace(**names)


@pytest.fixture(scope='session')
def run_installed(
  built: pathlib.Path,
  execute: types.SimpleNamespace,
  tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., subprocess.CompletedProcess]:
  """Runs a Python in which the set-up cell has installed the wheel.

  The other packages are those of the Python that runs the tests. The clone
  cannot be imported, as the files in site-packages that point to it have no
  effect there.
  """
  folder = tmp_path_factory.mktemp('installed')
  venv.create(folder)
  site = pathlib.Path(sysconfig.get_path('purelib', vars={'base': folder}))
  (site / 'others.pth').write_text(sysconfig.get_path('purelib'))
  environment = os.environ | {'JAX_PLATFORMS': 'cpu', 'PIP_NO_INDEX': '1'}
  environment.pop('PYTHONPATH', None)

  def run(
    arguments: Sequence[str | os.PathLike[str]], cwd: pathlib.Path
  ) -> subprocess.CompletedProcess:
    return subprocess.run(
      [folder / 'bin/python', *arguments],
      cwd=cwd,
      env=environment,
      capture_output=True,
      text=True,
      check=False,
    )

  (wheel,) = built.glob('*.whl')
  code = execute.set_up_code('').replace("WHEEL = ''", f"WHEEL = '{wheel}'")
  empty = tmp_path_factory.mktemp('empty')
  done = run(['-c', code], empty)
  assert 'Installing bit_covid.' in done.stdout, done.stderr
  assert ' is installed.' in done.stdout, done.stderr
  code = 'import {0}; print({0}.__file__)'
  for name in ('bit_covid', 'input_pipeline'):
    done = run(['-c', code.format(name)], empty)
    assert done.stdout.strip() == str(site / f'{name}/__init__.py')
  missing = run(['-c', 'import configs'], empty)
  assert "No module named 'configs'" in missing.stderr
  return run
