# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Drawn textures and shapes as a tfds data set, to pre-train on."""

from input_pipeline.textures.textures_dataset_builder import Builder

__all__ = ['Builder']
