# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The former name of `bit_covid.cli.from_dicom`, which goes on working.

python -m input_pipeline.from_dicom
"""

import runpy

if __name__ == '__main__':
  runpy.run_module('bit_covid.cli.from_dicom', run_name='__main__')
