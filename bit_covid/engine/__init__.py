# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What computes a network's scores and maps in place of JAX: `--engine`."""
