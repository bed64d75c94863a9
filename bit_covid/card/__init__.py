# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The model card of a run, and the checklists that journals ask for.

    bit-covid card runs/bit_m

It reads what a run, its report and its audit have written, and computes no
number. It needs neither JAX nor TensorFlow.
"""
