# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Loads and compiles a network, for commands that score scans."""

import time

from bit_covid.base import compilation_cache
from bit_covid.inference import network as network_lib

# A network with more classes is not one for diagnosis: public BiT checkpoints
# have 1,000 or 21,843 classes of photographs.
_MOST_CLASSES = 50


def load(checkpoint: str, *, flips: bool = False) -> network_lib.Network:
  """Returns the network of a checkpoint.

  Args:
    checkpoint: as for `bit_covid.load`; several with commas.
    flips: average the results of each image and its mirror image.

  Raises:
    FileNotFoundError: the checkpoint does not exist.
    ValueError: the file is no checkpoint, or the network was not fine-tuned.
  """
  compilation_cache.enable()
  network = network_lib.Network.load(checkpoint, flips=flips)
  if len(network.class_names) > _MOST_CLASSES:
    raise ValueError(
      f'--checkpoint={checkpoint} has {len(network.class_names):,} classes, '
      'so it was not fine-tuned on CT slices; expected the model.npz of a '
      'training.'
    )
  if task := network.facts.get('task'):
    raise ValueError(
      f'--checkpoint={checkpoint} has learned {task!r} and no diagnosis; '
      'fine-tune it first, with --config.init.'
    )
  return network


def warm_up(network: network_lib.Network, *, num_slices: int = 16) -> float:
  """Returns the seconds of compiling, for which no scan waits from then on.

  Args:
    network: the network.
    num_slices: of a scan, which decides about the size of its batches.
  """
  start = time.monotonic()
  network.engine.compile(num_slices)
  return time.monotonic() - start
