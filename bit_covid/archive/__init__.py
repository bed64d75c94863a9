# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores a whole archive of studies, with several processes of Dask."""
