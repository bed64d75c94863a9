# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds the engine that `--engine` names."""

import importlib
import types

from bit_covid.base import project
from bit_covid.inference import load as load_lib
from bit_covid.inference import network as network_lib


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
  if engine == 'jax':
    return load_lib.load(checkpoint, flips=flips)
  return load_lib.load(
    checkpoint, flips=flips, network_class=openvino().OpenVinoNetwork
  )


def openvino() -> types.ModuleType:
  """Returns the module `openvino_network`.

  Raises:
    ValueError: a package that it needs is not installed.
  """
  try:
    # Not at the top, as most users do without its packages.
    return importlib.import_module('bit_covid.engine.openvino_network')
  except ModuleNotFoundError as error:
    raise ValueError(
      f'--engine=openvino needs the package {error.name!r}, which is not '
      f'installed: {project.install_command("openvino")}, or leave --engine '
      'out.'
    ) from error
