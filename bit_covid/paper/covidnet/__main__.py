# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs `python -m bit_covid.paper.covidnet`."""

import sys

from bit_covid.paper.covidnet import command

if __name__ == '__main__':
  sys.exit(command.main())
