# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs `python -m bit_covid.audit`."""

import sys

from bit_covid.audit import command

sys.exit(command.main())
