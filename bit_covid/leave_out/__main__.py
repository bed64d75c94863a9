# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Trains again without each source: python -m bit_covid.leave_out RUN."""

import sys

from bit_covid.leave_out import command

if __name__ == '__main__':
  sys.exit(command.main())
