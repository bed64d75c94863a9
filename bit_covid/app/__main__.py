# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Serves the page.

python -m bit_covid.app --checkpoint=runs/bit_m
"""

import sys

from bit_covid.app import command

if __name__ == '__main__':
  sys.exit(command.main())
