# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The first code cell of every notebook, from the line with its title on.

`execute.py` copies it into the notebooks, with the address of the repository.
"""

# @title Set-up
import glob
import importlib.metadata
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

REPOSITORY = ''
# The path of a wheel of bit_covid, for a machine where it is not installed.
WHEEL = ''  # @param {type: 'string'}

if importlib.util.find_spec('bit_covid') is None:
  wheels = [WHEEL] if WHEEL else glob.glob('bit_covid-*-any.whl')
  if not wheels and not REPOSITORY:
    print(
      'bit_covid is not installed here. Build a wheel of it in the folder that '
      'holds its setup.py:\n\n    pip wheel --no-deps .\n'
    )
    if 'google.colab' in sys.modules:
      from google.colab import files

      print('Then choose the new file, bit_covid-...-any.whl, and upload it:')
      files.upload()
    wheels = glob.glob('bit_covid-*-any.whl')
    if not wheels:
      raise RuntimeError(
        'There is no wheel of bit_covid. Put it into the folder of this '
        'notebook or set WHEEL to its path, then run this cell again.'
      )
  source = f'git+{REPOSITORY}'
  if wheels:
    newest = max(wheels, key=os.path.getmtime)
    source = pathlib.Path(newest).absolute().as_uri()
  # JAX for the accelerator of this machine.
  dev = pathlib.Path('/dev')
  has_tpu = any([*dev.glob('accel*'), *dev.glob('vfio/[0-9]*')])
  has_gpu = shutil.which('nvidia-smi')
  extra = '[tpu]' if has_tpu else '[cuda]' if has_gpu else ''
  package = f'bit-covid{extra} @ {source}'
  print('Installing bit_covid. This takes some minutes.')
  pip = subprocess.run(
    [sys.executable, '-m', 'pip', 'install', '-q', package],
    capture_output=True,
    text=True,
  )
  if pip.returncode:
    raise RuntimeError(f'{package} was not installed. pip says:\n{pip.stderr}')
  print(pip.stderr, end='')
  importlib.invalidate_caches()
  replaced = [
    name
    for name in ('numpy', 'pandas', 'matplotlib', 'jax', 'tensorflow')
    if name in sys.modules
    and sys.modules[name].__version__ != importlib.metadata.version(name)
  ]
  if replaced:
    raise RuntimeError(
      f'bit_covid is installed. It needed another version of '
      f'{", ".join(replaced)} than this session had loaded, so restart the '
      'session (on Colab: Runtime > Restart session) and run all cells again.'
    )

import bit_covid

print(f'bit_covid {bit_covid.__version__} is installed.')
