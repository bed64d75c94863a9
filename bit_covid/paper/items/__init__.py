# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tables and figures of the paper, one file each, with `make(request)`."""
