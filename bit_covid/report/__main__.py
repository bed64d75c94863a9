# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs `python -m bit_covid.report`."""

import sys

from bit_covid.report import command

sys.exit(command.main())
