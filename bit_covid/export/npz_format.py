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

EXAMPLE = '''\
"""Prints a probability a class: python example.py SLICE.png ..."""

import json
import pathlib
import sys

import bit_covid
import numpy as np
import prepare_slice

folder = pathlib.Path(__file__).parent
description = json.loads((folder / 'preprocessing.json').read_text())
image = prepare_slice.prepare(sys.argv[1:], description['preprocessing'])
classifier = bit_covid.load(folder / 'model.npz')
logits = classifier.logits((image.astype(np.float32) - 127.5) / 127.5)
odds = np.exp(
  (logits - logits.max(axis=1, keepdims=True))
  / (description['temperature'] or 1)
)
probabilities = odds / odds.sum(axis=1, keepdims=True)
for path, row in zip(sys.argv[1:], probabilities, strict=True):
  print(path, dict(zip(description['class_names'], row.tolist(), strict=True)))
'''


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
