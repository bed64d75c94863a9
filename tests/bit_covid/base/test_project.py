# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which Pythons there are, and how extras are installed."""

import sys

import pytest

from bit_covid.base import project


@pytest.mark.parametrize('version', [(3, 11), (3, 12), (3, 13)])
def test_these_pythons_are_supported(version):
  project.check_python(version)


@pytest.mark.parametrize('version', [(3, 10), (3, 14), (4, 0)])
def test_others_are_told_which(version):
  number = '.'.join(map(str, version))
  with pytest.raises(ImportError) as error:
    project.check_python(version)
  assert str(error.value) == (
    f'bit_covid needs Python 3.11 to 3.13, and this is {number} '
    f'({sys.executable}). Make a virtual environment with one of those.'
  )
  # `python -m bit_covid` prints errors of this name without a traceback.
  assert error.value.name == 'bit_covid'


def test_an_extra_is_added_to_what_is_installed():
  assert project.install_command('app') == "pip install 'bit-covid[app]'"
