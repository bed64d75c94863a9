# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Versions and hardware that a result depends on, for run.json."""

import datetime
from importlib import metadata
import os
import pathlib
import platform
import subprocess
import sys
from typing import Any

import jax

from bit_covid.base import version

_PACKAGES = (
  'jax',
  'jaxlib',
  'flax',
  'optax',
  'orbax-checkpoint',
  'tensorflow',
  'tensorflow-datasets',
  'numpy',
  'opencv-python-headless',
)


def collect() -> dict[str, Any]:
  """Returns versions, devices, flags, commit, command line and time."""
  return {
    'time': datetime.datetime.now(datetime.UTC).isoformat('T', 'seconds'),
    'command': sys.argv,
    'bit_covid': version.VERSION,
    'commit': _commit(),
    'python': platform.python_version(),
    'packages': {name: _version(name) for name in _PACKAGES},
    'platform': platform.platform(),
    'cpus': os.cpu_count(),
    'devices': [
      f'{device.platform}:{device.device_kind}' for device in jax.devices()
    ],
    'hosts': jax.process_count(),
    'xla_flags': os.environ.get('XLA_FLAGS', ''),
  }


def _version(package: str) -> str | None:
  try:
    return metadata.version(package)
  except metadata.PackageNotFoundError:
    return None  # Installed under another name, such as tensorflow-cpu.


def _commit() -> str | None:
  """Returns the commit of the code, or None if it is not known.

  A '+' is added if tracked files were changed since.
  """
  root = pathlib.Path(__file__).parents[2]
  git = ('git', '-C', str(root))
  try:
    # Fails if this file is installed inside the checkout of another project.
    _run(*git, 'ls-files', '--error-unmatch', __file__)
    changed = _run(*git, 'status', '--porcelain', '--untracked-files=no')
    return _run(*git, 'rev-parse', 'HEAD') + ('+' if changed else '')
  except (OSError, subprocess.CalledProcessError):
    return None


def _run(*command: str) -> str:
  return subprocess.run(
    command, check=True, capture_output=True, text=True
  ).stdout.strip()
