# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs `bit_covid.cli.split`, for those who type its former name.

python -m input_pipeline.split
"""

import runpy

if __name__ == '__main__':
  runpy.run_module('bit_covid.cli.split', run_name='__main__')
