# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Synthetic chest CT as a tfds data set that is drawn in seconds."""

from input_pipeline.phantom.phantom_dataset_builder import Builder

__all__ = ['Builder']
