# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From a table of predictions to numbers; knows neither JAX nor TensorFlow."""
