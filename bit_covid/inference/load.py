# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The network of commands that score scans: checked and compiled."""

import time

import numpy as np

from bit_covid.base import compilation_cache
from bit_covid.inference import network as network_lib
from bit_covid.weights import bit_npz
from bit_covid.weights import find

# Classes of a diagnosis; a public BiT checkpoint has 1,000 or 21,843 of
# photographs.
_MOST_CLASSES = 50


def load(checkpoint: str) -> network_lib.Network:
  """Returns the network of `--checkpoint`, as for `bit_covid.load`.

  Raises:
    FileNotFoundError: there is no such checkpoint.
    ValueError: it is none, or one that was not fine-tuned.
  """
  compilation_cache.enable()
  network = network_lib.Network(bit_npz.load(find.find_checkpoint(checkpoint)))
  if len(network.class_names) > _MOST_CLASSES:
    raise ValueError(
      f'--checkpoint={checkpoint} has {len(network.class_names):,} classes, '
      'as a checkpoint of photographs that was not fine-tuned; expected the '
      'model.npz of a training.'
    )
  return network


def warm_up(network: network_lib.Network) -> float:
  """Returns the seconds that compiling took, for which no scan need wait."""
  start = time.monotonic()
  side = network.preprocessing['crop']
  network.probabilities_and_maps(np.zeros((1, side, side, 1), np.uint8))
  return time.monotonic() - start
