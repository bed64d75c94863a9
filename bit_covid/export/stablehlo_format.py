# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Export as StableHLO through `jax.export`, for JAX without this project.

The parameters are an argument of the program and lie in a file beside it. So
the program stays small, compiles fast, and stays below the 2 GB that its file
format can hold.
"""

from collections.abc import Mapping
import pathlib

from etils import epath
from flax import traverse_util
import jax
from jax import export as jax_export
import jax.numpy as jnp
import numpy as np

from bit_covid.base import files
from bit_covid.export import exportable
from bit_covid.export import jax_compatibility
from bit_covid.export import parity

_PLATFORMS = ('cpu', 'cuda', 'tpu')
PACKAGES = ('jax', 'jaxlib', 'numpy')


def write(model: exportable.Exportable, folder: pathlib.Path) -> None:
  """Writes `model.stablehlo` for all platforms, and `parameters.npz`."""
  parameters = flat_parameters(model)
  program = trace(model, parameters)
  (folder / 'model.stablehlo').write_bytes(program.serialize())
  files.write_npz(epath.Path(folder / 'parameters.npz'), parameters)


def flat_parameters(model: exportable.Exportable) -> dict[str, np.ndarray]:
  """Returns the parameters by names such as 'block1/unit01/conv1/kernel'."""
  flat = traverse_util.flatten_dict(model.params, sep='/')
  return jax.tree.map(np.asarray, flat)


def trace(
  model: exportable.Exportable, parameters: Mapping[str, np.ndarray]
) -> jax_export.Exported:
  """Returns the program of the network, for all platforms and any batch size.

  The program maps the parameters by name and `[N, S, S, 1]` uint8 images to the
  outputs by name. Only shapes and dtypes of `parameters` are used.
  """

  def forward(parameters, image):
    return model.apply(traverse_util.unflatten_dict(parameters, sep='/'), image)

  (batch,) = jax_export.symbolic_shape('batch')
  shape = (batch, model.size, model.size, 1)
  export = jax_export.export(jax.jit(forward), platforms=_PLATFORMS)
  return export(
    jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), parameters),
    jax.ShapeDtypeStruct(shape, jnp.uint8),
  )


def read(folder: pathlib.Path) -> parity.ExportedFn:
  """Returns the network in a folder of `write` as a function of images.

  It warns if JAX does not promise to read the program.
  """
  jax_compatibility.warn_outside_promise(folder)
  content = (folder / 'model.stablehlo').read_bytes()
  call = jax.jit(jax_export.deserialize(bytearray(content)).call)
  with np.load(folder / 'parameters.npz') as file:
    parameters = jax.device_put(dict(file))

  return lambda image: jax.device_get(call(parameters, image))
