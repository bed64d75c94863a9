# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a training minimizes: the cross-entropy of images after mixup."""

from collections.abc import Mapping
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import optax

from bit_covid.models import normalize
from bit_covid.models import resnet_v2
from bit_covid.training import mixup


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loss:
  """The loss of a network: `loss(params, images, labels)`, a float32 scalar.

  Attributes:
    model: the network.
    mixup_alpha: parameter of mixup's Beta distribution; 0 for no mixup.
    seed: seed of the mixup weights.
  """

  model: resnet_v2.ResNetV2
  mixup_alpha: float
  seed: int

  def prepare(
    self, batch: Mapping[str, jax.Array], step: jax.Array
  ) -> tuple[jax.Array, jax.Array]:
    """Returns the images and the probabilities of their classes, after mixup.

    Both are float32, `[B, S, S, 1]` and `[B, C]`.
    """
    images = normalize.to_model_range(batch['image'])
    labels = jax.nn.one_hot(batch['label'], self.model.num_classes)
    if not self.mixup_alpha:
      return images, labels
    # The key does not depend on the device: all devices draw the same weight.
    key = jax.random.fold_in(jax.random.key(self.seed), step)
    weight = mixup.draw_weight(key, self.mixup_alpha)
    return mixup.mix(images, weight), mixup.mix(labels, weight)

  def __call__(
    self, params: Mapping[str, Any], images: jax.Array, labels: jax.Array
  ) -> jax.Array:
    """Returns the mean cross-entropy of prepared images."""
    logits, _ = self.model.apply({'params': params}, images)
    return jnp.mean(optax.softmax_cross_entropy(logits, labels))
