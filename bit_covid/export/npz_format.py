# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Export as BiT's own `.npz`, which every loader of BiT's files reads."""

import pathlib

from bit_covid.export import exportable
from bit_covid.export import parity
from bit_covid.weights import bit_npz

PACKAGES = ('jax', 'flax', 'numpy')


def write(model: exportable.Exportable, folder: pathlib.Path) -> None:
  """Writes `model.npz` with the metadata inside."""
  bit_npz.save(
    folder / 'model.npz',
    model.params,
    model_name=model.model_name,
    metadata=model.metadata,
  )


def read(folder: pathlib.Path) -> parity.ExportedFn:
  """Returns the network in a folder of `write` as a function of images."""
  return parity.original(exportable.create(bit_npz.load(folder / 'model.npz')))
