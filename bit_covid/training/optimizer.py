# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The optimizer that a config names, with its learning rates.

The paper's, and BiT's, is SGD with momentum and decays by a factor of ten. The
others are for the user's own data; no result of the paper is made with them.
"""

from collections.abc import Callable, Mapping
import types
from typing import Any

import jax
import ml_collections
import optax

from bit_covid.training import schedule


def make(
  config: ml_collections.ConfigDict,
) -> tuple[optax.GradientTransformation, optax.Schedule]:
  """Returns the optimizer of a resolved config, and its learning rate.

  The rate is a function of the number of earlier updates. With
  `config.train_head_only`, parameters other than the head's have no state and
  are passed their gradients, which `Loss` makes zero.
  """
  rate = schedule.RATES[config.learning_rate_decay](
    config.learning_rate, config.schedule
  )
  optimizer = OPTIMIZERS[config.optimizer](config, rate)
  if config.train_head_only:
    optimizer = optax.masked(optimizer, _is_head)
  return optimizer, rate


def _sgd(
  config: ml_collections.ConfigDict, rate: optax.Schedule
) -> optax.GradientTransformation:
  return optax.sgd(rate, momentum=config.momentum)


def _adamw(
  config: ml_collections.ConfigDict, rate: optax.Schedule
) -> optax.GradientTransformation:
  return optax.adamw(
    rate,
    b1=config.momentum,
    weight_decay=config.weight_decay,
    mask=_is_kernel,
  )


def _is_kernel(params: Mapping[str, Any]) -> Mapping[str, Any]:
  """Returns whether to decay each parameter: not biases and scales."""
  return jax.tree.map(lambda x: x.ndim > 1, params)


def _is_head(params: Mapping[str, Any]) -> Mapping[str, bool]:
  return {name: name == 'head' for name in params}


# How many numbers each keeps of a parameter.
NUM_MOMENTS: Mapping[str, int] = types.MappingProxyType({'sgd': 1, 'adamw': 2})
OPTIMIZERS: Mapping[
  str,
  Callable[
    [ml_collections.ConfigDict, optax.Schedule], optax.GradientTransformation
  ],
] = types.MappingProxyType({'sgd': _sgd, 'adamw': _adamw})
