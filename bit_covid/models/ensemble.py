# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Several networks, and images seen mirrored as well, as one network.

Its probabilities are the mean of those of all passes, and its logits are their
logarithms: the softmax of these logits gives the mean back. So it takes the
place of a `resnet_v2.ResNetV2` wherever a trained network is applied.
"""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from bit_covid.models import resnet_v2


class Pass(NamedTuple):
  """One network applied once to a batch.

  Attributes:
    feature_map: `[N, h, w, F]`, of the mirrored images if they were mirrored.
    features: its mean over the positions, `[N, F]` float32.
    head_kernel: `[F, C]`.
    is_mirrored: whether the images were mirrored.
  """

  feature_map: jax.Array
  features: jax.Array
  head_kernel: jax.Array
  is_mirrored: bool


@dataclasses.dataclass(frozen=True)
class Ensemble:
  """Networks whose probabilities are averaged.

  Attributes:
    members: networks with the same classes in the same order.
    temperatures: what the logits of each are divided by before the softmax.
    flips: whether each also sees the images mirrored left to right. Training
      mirrors images at random, so the network knows both.
  """

  members: tuple[resnet_v2.ResNetV2, ...]
  temperatures: tuple[float, ...]
  flips: bool = False

  def apply(
    self, variables: Mapping[str, Any], images: jax.Array
  ) -> tuple[jax.Array, dict[str, jax.Array]]:
    """Returns the logits, and features of the first network.

    Logits are `[N, C]` float32, the features `[N, F]`.

    Args:
      variables: 'params', a tree for each network by the name of `name`.
      images: `[N, H, W, 1 or 3]` float in [-1, 1].
    """
    logits, each = apply_each(self, variables['params'], images)
    return logits, {'features': each[0].features}


Model = resnet_v2.ResNetV2 | Ensemble


def name(index: int) -> str:
  """Returns the name of a network's parameters, 'network_1' for index 0."""
  return f'network_{index + 1}'


def first(model: Model) -> resnet_v2.ResNetV2:
  """Returns the network itself, or the first one of an ensemble."""
  return model.members[0] if isinstance(model, Ensemble) else model


def prestandardized(model: Model) -> Model:
  """Returns the model for parameters of `resnet_v2.standardize_kernels`."""
  if isinstance(model, Ensemble):
    members = tuple(prestandardized(x) for x in model.members)
    return dataclasses.replace(model, members=members)
  return model.clone(kernels_prestandardized=True)


def apply_each(
  model: Model, params: Mapping[str, Any], images: jax.Array
) -> tuple[jax.Array, list[Pass]]:
  """Returns the logits, `[N, C]` float32, and the passes that they come from.

  The first pass is that of the first network on the images as they are.

  Args:
    model: one network, or several.
    params: its parameter tree.
    images: `[N, H, W, 1 or 3]` float in [-1, 1].
  """
  if not isinstance(model, Ensemble):
    logits, made = _apply(model, params, images, is_mirrored=False)
    return logits, [made]
  each, log_probabilities = [], []
  for index, member in enumerate(model.members):
    for is_mirrored in (False, True) if model.flips else (False,):
      logits, made = _apply(
        member, params[name(index)], images, is_mirrored=is_mirrored
      )
      scaled = logits / jnp.float32(model.temperatures[index])
      log_probabilities.append(jax.nn.log_softmax(scaled))
      each.append(made)
  total = jax.nn.logsumexp(jnp.stack(log_probabilities), axis=0)
  return total - jnp.log(jnp.float32(len(each))), each


def mean_map(maps: Sequence[jax.Array], each: Sequence[Pass]) -> jax.Array:
  """Returns the mean of the passes' maps, mirrored back where they must be.

  Args:
    maps: of each pass, `[..., h, w]`, normalized so that each counts alike.
    each: the passes.
  """
  upright = [
    x[..., ::-1] if made.is_mirrored else x
    for x, made in zip(maps, each, strict=True)
  ]
  return sum(upright[1:], start=upright[0]) / len(upright)


def _apply(
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  images: jax.Array,
  *,
  is_mirrored: bool,
) -> tuple[jax.Array, Pass]:
  images = images[:, :, ::-1] if is_mirrored else images
  logits, intermediates = model.apply({'params': params}, images)
  kernel = params['head']['kernel']
  return logits, Pass(
    **intermediates, head_kernel=kernel, is_mirrored=is_mirrored
  )
