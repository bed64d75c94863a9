# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What trials share: `from tests.trials import frame`."""

from tests.trials.frame.rows import Row as Row
