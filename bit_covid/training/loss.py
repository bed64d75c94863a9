# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a training minimizes: the cross-entropy of images after mixup."""

from collections.abc import Mapping
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from bit_covid.models import normalize
from bit_covid.models import resnet_v2
from bit_covid.training import mixup


@dataclasses.dataclass(frozen=True, kw_only=True)
class Loss:
  """The loss of a network: `loss(params, images, labels)`, a float32 scalar.

  The defaults are the loss of BiT and of the paper.

  Attributes:
    model: the network.
    mixup_alpha: parameter of mixup's Beta distribution; 0 for no mixup.
    seed: seed of the mixup weights.
    label_smoothing: share of each label that is spread evenly over all classes.
    class_weights: factor of each class in the cross-entropy; None: all are 1.
    head_only: whether the gradient is that of the head, and zero elsewhere.
  """

  model: resnet_v2.ResNetV2
  mixup_alpha: float
  seed: int
  label_smoothing: float = 0.0
  class_weights: tuple[float, ...] | None = None
  head_only: bool = False

  def prepare(
    self, batch: Mapping[str, jax.Array], step: jax.Array
  ) -> tuple[jax.Array, jax.Array]:
    """Returns the images and the probabilities of their classes, after mixup.

    Both are float32, `[B, S, S, 1]` and `[B, C]`.
    """
    images = normalize.to_model_range(batch['image'])
    labels = jax.nn.one_hot(batch['label'], self.model.num_classes)
    if self.label_smoothing:
      labels = optax.smooth_labels(labels, self.label_smoothing)
    if not self.mixup_alpha:
      return images, labels
    # The key does not depend on the device: all devices draw the same weight.
    key = jax.random.fold_in(jax.random.key(self.seed), step)
    weight = mixup.draw_weight(key, self.mixup_alpha)
    return mixup.mix(images, weight), mixup.mix(labels, weight)

  def __call__(
    self, params: Mapping[str, Any], images: jax.Array, labels: jax.Array
  ) -> jax.Array:
    """Returns the mean cross-entropy of prepared images.

    With class weights, it is the mean of `-sum_c weight_c label_c log p_c`, as
    in PyTorch's CrossEntropyLoss for labels that are probabilities.
    """
    if self.head_only:
      # The compiler leaves out the backward pass through the rest.
      params = jax.lax.stop_gradient(params) | {'head': params['head']}
    logits, _ = self.model.apply({'params': params}, images)
    if self.class_weights:
      labels = labels * jnp.asarray(self.class_weights, labels.dtype)[None]
    return jnp.mean(optax.softmax_cross_entropy(logits, labels))

  def of_guessing(self, counts: np.ndarray) -> float:
    """Returns the least loss of a network that does not look at the image.

    Its probabilities are the shares of the classes, as far as the loss counts
    them.

    Args:
      counts: `[C]`, how often each class is drawn, in any unit.
    """
    shares = counts / counts.sum()
    shares = (
      1 - self.label_smoothing
    ) * shares + self.label_smoothing / shares.size
    mass = shares * np.asarray(self.class_weights or 1.0)
    present = mass[mass > 0]
    return float(-np.sum(present * np.log(present / mass.sum())))


def balanced_weights(counts: np.ndarray) -> tuple[float, ...]:
  """Returns class weights with which each class has the same share of the loss.

  They are inversely proportional to the counts, and their mean over the slices
  is 1.

  Args:
    counts: `[C]`, slices of each class, each at least 1.
  """
  return tuple(float(x) for x in counts.sum() / (len(counts) * counts))
