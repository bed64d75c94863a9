# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The network as it is exported: uint8 slices to named outputs."""

from collections.abc import Mapping
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from bit_covid.inference import preparation
from bit_covid.models import ensemble
from bit_covid.models import normalize
from bit_covid.weights import bit_npz

# The network halves an image five times, so a smaller one has no feature map.
_MIN_SIZE = 32


@dataclasses.dataclass(frozen=True)
class Exportable(bit_npz.Checkpoint):
  """A checkpoint that has preprocessing, with the function of an export.

  The model is one network or an ensemble.
  """

  model: ensemble.Model

  @property
  def size(self) -> int:
    """Side of the images in pixels."""
    return self.metadata.preprocessing['crop']

  @property
  def temperature(self) -> float:
    """Divides the logits before the softmax; 1 if none is known."""
    return self.metadata.temperature or 1.0

  def apply(
    self, params: Mapping[str, Any], image: jax.Array
  ) -> dict[str, jax.Array]:
    """Returns `logits`, `probabilities` and `features`, float32.

    Args:
      params: parameter tree; an argument, so that no file holds it twice.
      image: `[N, S, S, 1]` uint8 gray, as the input pipeline prepares it.
    """
    logits, intermediates = self.model.apply(
      {'params': params}, normalize.to_model_range(image)
    )
    temperature = jnp.asarray(self.temperature, logits.dtype)
    return {
      'logits': logits,
      'probabilities': jax.nn.softmax(logits / temperature),
      'features': intermediates['features'],
    }


def create(
  checkpoint: bit_npz.Checkpoint, *, size: int | None = None
) -> Exportable:
  """Returns the exportable network of a checkpoint.

  Args:
    checkpoint: of `bit_npz.load`.
    size: side of the images in pixels; None: that of the training.

  Raises:
    ValueError: the size is too small.
  """
  metadata = checkpoint.metadata
  preprocessing = dict(metadata.preprocessing or preparation.DEFAULT)
  if size is not None:
    preprocessing['crop'] = size
  if preprocessing['crop'] < _MIN_SIZE:
    raise ValueError(
      f'The size is {preprocessing["crop"]} pixels; expected {_MIN_SIZE} or '
      'more. Give another --size, best that of the training.'
    )
  metadata = dataclasses.replace(metadata, preprocessing=preprocessing)
  return Exportable(
    checkpoint.model_name,
    checkpoint.params,
    metadata,
    checkpoint.create_model(),
  )
