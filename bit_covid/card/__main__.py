# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs `python -m bit_covid.card`."""

import sys

from bit_covid.card import command

sys.exit(command.main())
