# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks of a config that need no data, so that a mistake is found at once."""

import jax
import ml_collections

from bit_covid.base import devices
from bit_covid.models import resnet_v2
from bit_covid.training import schedule
from bit_covid.weights import find
import input_pipeline

_DTYPES = ('float32', 'bfloat16')
# The smallest allowed value of each field.
_MINIMA = {
  'batch': 1,
  'eval_batch': 1,
  'accumulation': 1,
  'log_every': 1,
  'checkpoint_every': 1,
  'eval_every': 0,
  'mixup_alpha': 0,
  'seed': 0,
}


def check(config: ml_collections.ConfigDict) -> None:
  """Validates the config fields that can be checked without loading data.

  Raises:
    ValueError: a field has a value that cannot be used.
    FileNotFoundError: the initial checkpoint does not exist.
  """
  input_pipeline.check_config(config.data)
  for name, minimum in _MINIMA.items():
    if config[name] < minimum:
      raise ValueError(
        f'config.{name} is {config[name]}; expected {minimum} or more.'
      )
  resnet_v2.create(config.model.name, num_classes=1)
  if config.model.dtype not in _DTYPES:
    raise ValueError(
      f'config.model.dtype is {config.model.dtype!r}; expected one of '
      f'{", ".join(_DTYPES)}.'
    )
  devices.check_divides(
    'config.batch', config.batch, accumulation=config.accumulation
  )
  devices.check_divides('config.eval_batch', config.eval_batch)
  # Without a schedule, BiT-HyperRule sets the schedule and mixup later.
  if config.schedule:
    schedule.check(config.schedule)
    check_mixup(config)
  if config.init != 'random' and not find.is_public_name(config.init):
    find.find(config.init)


def check_mixup(config: ml_collections.ConfigDict) -> None:
  """Checks that mixup is off or each device gets an even batch.

  Raises:
    ValueError: mixup is on, and the batch of a device is odd.
  """
  per_device = config.batch // jax.device_count()
  if config.mixup_alpha and per_device % 2:
    raise ValueError(
      f'Mixup pairs neighbours, but config.batch={config.batch} is '
      f'{per_device} slices a device. Make that even, or set '
      'config.mixup_alpha=0.'
    )
