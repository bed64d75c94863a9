# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A network of random parameters, as the checkpoint of a training."""

from benchmarks import numpy_network
from bit_covid.inference import preparation
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata as metadata_lib
from input_pipeline import conventions


def make(model: str, side: int) -> bit_npz.Checkpoint:
  """Returns the checkpoint of a network for slices of `side` pixels."""
  metadata = metadata_lib.Metadata(
    class_names=conventions.COVIDX_CT,
    preprocessing=preparation.DEFAULT | {'crop': side},
    window=conventions.LUNG_WINDOW,
  )
  params = numpy_network.random_params(model)
  return bit_npz.Checkpoint(model, params, metadata)
