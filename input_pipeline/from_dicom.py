# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The former name of `bit_covid.cli.from_dicom`, which goes on working."""

import importlib
import sys

# By name, as nothing in this package knows bit_covid.
_command = importlib.import_module('bit_covid.cli.from_dicom')

if __name__ == '__main__':
  sys.exit(_command.main())
sys.modules[__name__] = _command
