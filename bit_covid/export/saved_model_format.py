# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Export as a TensorFlow SavedModel, for TensorFlow and TensorFlow Serving.

The program is StableHLO inside one operation, which needs TensorFlow 2 with
XLA. The parameters are variables, which are not subject to the 2 GB limit of a
protocol buffer.

`jax2tf` is not used because it writes a StableHLO version that is only four
weeks older than its JAX, which an older TensorFlow cannot read (TensorFlow 2.21
reads up to 1.13, jax 0.12 writes 1.18).
"""

from collections.abc import Mapping
import pathlib

# First, as it decides how TensorFlow starts.
from input_pipeline.quiet_tensorflow import tf  # isort: skip

import jax
from jax import export as jax_export
from jax.extend.mlir.dialects import stablehlo
import numpy as np
from tensorflow.compiler.tf2xla.python import xla as tf_xla

from bit_covid.export import exportable
from bit_covid.export import parity
from bit_covid.export import stablehlo_format

# The oldest version that can express the program, of 2024. A version stays
# readable for five years, so every current TensorFlow reads it.
_STABLEHLO_VERSION = '1.0.0'

PACKAGES = ('tensorflow', 'jax', 'numpy')


def write(model: exportable.Exportable, folder: pathlib.Path) -> None:
  """Writes the folder `model` with the signature `serving_default`."""
  parameters = stablehlo_format.flat_parameters(model)
  program = stablehlo_format.trace(model, parameters)
  shape = (None, model.size, model.size, 1)
  module = tf.Module()
  module.parameters_by_name = {
    name: tf.Variable(leaf) for name, leaf in parameters.items()
  }
  module.serve = tf.function(
    lambda image: _call(program, module.parameters_by_name, image),
    autograph=False,
    input_signature=[tf.TensorSpec(shape, tf.uint8, name='image')],
  )
  tf.saved_model.save(
    module, str(folder / 'model'), signatures={'serving_default': module.serve}
  )


def _call(
  program: jax_export.Exported,
  parameters: Mapping[str, tf.Variable],
  image: tf.Tensor,
) -> Mapping[str, tf.Tensor]:
  """Returns the outputs of the program by name, as TensorFlow tensors."""
  arguments = jax.tree.leaves((dict(parameters), image))
  text = stablehlo.deserialize_portable_artifact_str(
    program.mlir_module_serialized
  )
  outputs = tf_xla.call_module(
    # jax.export drops arguments that the program does not use.
    [arguments[i] for i in program.module_kept_var_idx],
    version=program.calling_convention_version,
    module=stablehlo.serialize_portable_artifact_str(text, _STABLEHLO_VERSION),
    Tout=[tf.as_dtype(x.dtype) for x in program.out_avals],
    Sout=[
      [None if jax_export.is_symbolic_dim(n) else n for n in x.shape]
      for x in program.out_avals
    ],
    platforms=[x.upper() for x in program.platforms],
  )
  return jax.tree.unflatten(program.out_tree, outputs)


def read(folder: pathlib.Path) -> parity.ExportedFn:
  """Returns the network in a folder of `write` as a function of images."""
  module = tf.saved_model.load(str(folder / 'model'))

  def run(image: np.ndarray) -> Mapping[str, np.ndarray]:
    # Not looked up in advance, since a signature does not keep the module and
    # its variables alive.
    outputs = module.signatures['serving_default'](image=tf.constant(image))
    return {name: value.numpy() for name, value in outputs.items()}

  return run
