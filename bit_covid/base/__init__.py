# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files, devices and commands of this machine; imports nothing of ours."""
