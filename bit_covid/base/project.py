# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What setup.py and the programs both say of this project.

setup.py runs this file before anything is installed, so it uses the standard
library alone.
"""

# A Python that is too old must come as far as the message that says so.
from __future__ import annotations

import sys

# The web address of the repository; '': it has no public one.
REPOSITORY = ''
OLDEST_PYTHON = (3, 11)
# TensorFlow has no wheels for a newer one.
NEWEST_PYTHON = (3, 13)


def check_python(version: tuple[int, ...] = sys.version_info[:2]) -> None:
  """Checks that this Python is one of those on which bit_covid is tested.

  Raises:
    ImportError: it is not; the message is for a user.
  """
  if not OLDEST_PYTHON <= version <= NEWEST_PYTHON:
    raise ImportError(
      f'bit_covid needs Python {_text(OLDEST_PYTHON)} to '
      f'{_text(NEWEST_PYTHON)}, and this is {_text(version)} '
      f'({sys.executable}). Make a virtual environment with one of those.',
      # So that `python -m bit_covid` prints one line and no traceback.
      name='bit_covid',
    )


def install_command(extra: str) -> str:
  """Returns the command that adds an extra to what is installed already."""
  return f"pip install 'bit-covid[{extra}]'"


def _text(version: tuple[int, ...]) -> str:
  return '.'.join(map(str, version))
