# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from bit_covid.base import arguments


def test_paths_at_which_there_is_nothing_are_named(tmp_path):
  (tmp_path / 'file').touch()
  there = (tmp_path, str(tmp_path / 'file'), '', None)
  arguments.check_exist(*there, expected='a file')
  absent = tmp_path / 'absent'
  message = f'{absent} does not exist. Give a file.'
  with pytest.raises(FileNotFoundError, match=re.escape(message)):
    arguments.check_exist(*there, absent, expected='a file')
