# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""TensorFlow SavedModel through `jax2tf`: for TensorFlow and its Serving.

The program is StableHLO inside one operation, which runs in TensorFlow 2 with
XLA and not in TF.js or without XLA; the parameters are variables, so that the
2 GB of a protocol buffer are never met.
"""

from collections.abc import Mapping
import pathlib

import jax
from jax.experimental import jax2tf
import numpy as np
import tensorflow as tf

from bit_covid.export import exportable
from bit_covid.export import parity

PACKAGES = ('tensorflow', 'jax', 'numpy')

NOTE = """\
`model` is a SavedModel with the signature `serving_default`. The program is
StableHLO inside one operation: it needs TensorFlow with XLA, of the version
below or newer, and runs on cpu, cuda and tpu; TF Lite and TF.js do not run it.
It has no gradient."""

EXAMPLE = '''\
"""Prints a probability a class: python example.py SLICE.png ..."""

import json
import pathlib
import sys

import prepare_slice
import tensorflow as tf

folder = pathlib.Path(__file__).parent
description = json.loads((folder / 'preprocessing.json').read_text())
image = prepare_slice.prepare(sys.argv[1:], description['preprocessing'])
model = tf.saved_model.load(str(folder / 'model'))
outputs = model.signatures['serving_default'](image=tf.constant(image))
probabilities = outputs['probabilities'].numpy()
for path, row in zip(sys.argv[1:], probabilities, strict=True):
  print(path, dict(zip(description['class_names'], row.tolist(), strict=True)))
'''


def write(model: exportable.Exportable, folder: pathlib.Path) -> None:
  """Writes the folder `model` with the signature `serving_default`."""
  side = model.size
  forward = jax2tf.convert(
    model.apply,
    polymorphic_shapes=[None, f'batch, {side}, {side}, 1'],
    with_gradient=False,
    native_serialization_platforms=exportable.PLATFORMS,
  )
  module = tf.Module()
  module.parameters_by_name = tf.nest.map_structure(
    tf.Variable, jax.tree.map(np.asarray, dict(model.params))
  )
  module.serve = tf.function(
    lambda image: forward(module.parameters_by_name, image),
    autograph=False,
    input_signature=[
      tf.TensorSpec((None, side, side, 1), tf.uint8, name='image')
    ],
  )
  tf.saved_model.save(
    module, str(folder / 'model'), signatures={'serving_default': module.serve}
  )


def read(folder: pathlib.Path) -> parity.ExportedFn:
  """Returns the function in what `write` wrote."""
  module = tf.saved_model.load(str(folder / 'model'))

  def run(image: np.ndarray) -> Mapping[str, np.ndarray]:
    # From the module each time: a signature does not keep its variables alive.
    outputs = module.signatures['serving_default'](image=tf.constant(image))
    return {name: value.numpy() for name, value in outputs.items()}

  return run
