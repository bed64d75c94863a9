# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs `python -m bit_covid VERB ...`, the same as `bit-covid VERB ...`."""

from bit_covid.cli import command_line

command_line.run()
