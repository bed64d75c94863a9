# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Networks with the engine that `--engine` names."""

import importlib
import types

from bit_covid.base import project
from bit_covid.export import exportable
from bit_covid.inference import load as load_lib
from bit_covid.inference import network as network_lib
from bit_covid.weights import metadata as metadata_lib


def load(
  checkpoint: str, *, flips: bool = False, engine: str = 'jax'
) -> network_lib.Network:
  """Returns the network of a checkpoint.

  Args:
    checkpoint: as for `inference.load`.
    flips: average the results of each image and its mirror image.
    engine: one of `base.arguments.ENGINES`.

  Raises:
    FileNotFoundError: the checkpoint does not exist.
    ValueError: the file is no checkpoint, the network was not fine-tuned, the
      engine cannot compute it, or a package that it needs is not installed.
  """
  network = load_lib.load(checkpoint, flips=flips)
  if engine != 'jax':
    metadata = metadata_lib.Metadata(
      class_names=network.class_names, preprocessing=network.preprocessing
    )
    model = exportable.Exportable(
      network.model_name, network.params, metadata, network.model
    )
    network.engine = openvino().OpenVinoEngine(model)
  return network


def openvino() -> types.ModuleType:
  """Returns the module `openvino_engine`.

  Raises:
    ValueError: a package that it needs is not installed.
  """
  try:
    # Not at the top, as most users do without its packages.
    return importlib.import_module('bit_covid.engine.openvino_engine')
  except ModuleNotFoundError as error:
    raise ValueError(
      f'--engine=openvino needs the package {error.name!r}, which is not '
      f'installed: {project.install_command("openvino")}, or leave --engine '
      'out.'
    ) from error
