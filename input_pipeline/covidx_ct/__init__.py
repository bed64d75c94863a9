# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""COVIDx CT as a tfds data set."""

from input_pipeline.covidx_ct.covidx_ct_dataset_builder import Builder

__all__ = ['Builder']
