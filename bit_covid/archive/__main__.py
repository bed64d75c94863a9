# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores an archive: python -m bit_covid.archive predict SOURCE ..."""

import sys

from bit_covid.archive import command

if __name__ == '__main__':
  sys.exit(command.main())
