# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The former name of `bit_covid.cli.from_dicom`, which goes on working.

python -m input_pipeline.from_dicom
"""

import importlib
import runpy
import sys

_NAME = 'bit_covid.cli.from_dicom'

if __name__ == '__main__':
  runpy.run_module(_NAME, run_name='__main__')
else:
  # By name, as nothing in this package knows bit_covid.
  sys.modules[__name__] = importlib.import_module(_NAME)
