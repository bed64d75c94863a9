# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Uses an installed bit_covid as a new user would, far from the clone.

    PYTHON tests/installed.py [--programs=FOLDER]

PYTHON has the wheel installed; FOLDER, by default that of PYTHON, holds the
console script. The commands run in an empty folder, in which files of the
user's own have the names of modules of this project.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

# Steps of a training that shows that all parts fit together, and no more.
_SHORT = (
  '--config.data.name=phantom/tiny',
  '--config.schedule=(1,2,3,4,5)',
  '--config.data.crop=32',
  '--config.data.resize=36',
)
_OWN_CONFIG = """\
from configs import demo

def get_config(arg=None):
  config = demo.get_config(arg)
  config.data.name = 'phantom/tiny'
  return config
"""


def main() -> None:
  """Raises an error with the output of the first command that fails."""
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument(
    '--programs',
    type=pathlib.Path,
    default=pathlib.Path(sys.executable).parent,
  )
  script = str(parser.parse_args().programs.absolute() / 'bit-covid')
  module = [sys.executable, '-m', 'bit_covid']
  with tempfile.TemporaryDirectory(prefix='bit_covid_user') as name:
    folder = pathlib.Path(name)
    data = f'--config.data.data_dir={folder / "data"}'
    _write_own_files(folder)
    _run([script, '--version'], folder)
    _run([script, 'train', 'demo', *_SHORT, data], folder)
    assert (folder / 'runs/demo/finished.json').exists()
    results = ['--checkpoint=runs/demo', '--score_flagged', '--output=results']
    _run([*module, 'predict', 'scan', *results], folder)
    assert (folder / 'results/index.html').exists()
    audit = ['audit', 'configs/mine.py', f'--data_dir={folder / "data"}']
    _run([*module, *audit], folder, codes=(0, 1))
    paper = ['paper', 'all', '--scale=demo', '--workdir=paper', '--dry_run']
    _run([script, *paper], folder)
    export = ['export', 'runs/demo', '--format=stablehlo', '--output=exported']
    _run([script, *export], folder)


def _write_own_files(folder: pathlib.Path) -> None:
  (folder / 'configs').mkdir()
  (folder / 'configs/mine.py').write_text(_OWN_CONFIG)
  for own in ('input_pipeline.py', 'configs/common.py', 'random.py'):
    (folder / own).write_text('raise RuntimeError("a file of the user")\n')
  (folder / 'scan').mkdir()
  y, x = np.mgrid[:128, :128] / 128 - 0.5
  body = (x / 0.44) ** 2 + (y / 0.34) ** 2 < 1
  lungs = ((abs(x) - 0.18) / 0.12) ** 2 + (y / 0.21) ** 2 < 1
  for i in range(3):
    values = np.where(lungs, 80, np.where(body, 235, 0)) + i
    Image.fromarray(values.astype(np.uint8)).save(folder / f'scan/{i}.png')


def _run(
  command: list[str], folder: pathlib.Path, *, codes: tuple[int, ...] = (0,)
) -> None:
  start = time.monotonic()
  result = subprocess.run(
    command,
    cwd=folder,
    env=os.environ | {'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
    check=False,
  )
  said = f'{result.stdout}\n{result.stderr}'
  assert result.returncode in codes, f'{command}: {result.returncode}\n{said}'
  assert 'Traceback' not in said, said
  seconds = time.monotonic() - start
  print(f'{seconds:4.0f} s  bit-covid {" ".join(command[-4:])}', flush=True)


if __name__ == '__main__':
  main()
