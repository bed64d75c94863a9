# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Export as BiT's own `.npz`, which every loader of BiT's files reads."""

import pathlib

from bit_covid.export import exportable
from bit_covid.export import parity
from bit_covid.weights import bit_npz

PACKAGES = ('jax', 'flax', 'numpy')

NOTE = """\
`model.npz` holds the parameters in BiT's key format, and no function: a loader
of BiT's files takes the gray values to [-1, 1] itself, (x - 127.5) / 127.5, and
standardizes the kernels. `bit_covid.load` does both. The `predict` of what it
returns also does the preprocessing, and divides the logits by the temperature,
if one is known, before the softmax."""


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
