# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Audits a data set: finds what would make results on it look too good.

It imports neither JAX nor TensorFlow; the caller reads the slices into a table.
"""
