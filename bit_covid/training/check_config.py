# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks of a config that need no data, so that a mistake is found at once.

The fields of `data` are checked by `input_pipeline.data_checks`, the schedule
by `schedule.check`. `main` explains fields that do not exist.
"""

from collections.abc import Callable, Collection, Mapping
import math
import numbers
import types
from typing import Any, NamedTuple

from flax import traverse_util
import jax
import ml_collections

from bit_covid.base import deterministic
from bit_covid.base import devices
from bit_covid.models import resnet_v2
from bit_covid.training import best
from bit_covid.training import optimizer
from bit_covid.training import schedule
from bit_covid.weights import find
import input_pipeline
from input_pipeline import pretext

# Steps are exact in float32 up to here.
_MAX_STEP = 2**24


class _Rule(NamedTuple):
  """Whether a field can have a value, and what is expected of it."""

  is_valid: Callable[[Any], bool]
  expected: str


def _whole(low: int, high: int = _MAX_STEP, meaning: str = '') -> _Rule:
  return _Rule(
    lambda x: _is_whole(x) and low <= x <= high,
    f'a whole number from {low} to {high:,}{meaning}',
  )


def _number(expected: str, is_in_range: Callable[[float], bool]) -> _Rule:
  return _Rule(lambda x: _is_finite(x) and is_in_range(x), expected)


def _one_of(known: Collection[str]) -> _Rule:
  return _Rule(
    lambda x: _is_text(x) and x in known, f'one of {", ".join(known)}'
  )


def _is_whole(value: Any) -> bool:
  return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
  return (
    isinstance(value, numbers.Real)
    and not isinstance(value, bool)
    and math.isfinite(value)
  )


def _is_text(value: Any) -> bool:
  return isinstance(value, str) and bool(value.strip())


def _is_tuple_of(is_valid: Callable[[Any], bool], value: Any) -> bool:
  return isinstance(value, tuple | list) and all(map(is_valid, value))


_FLAG = _Rule(lambda x: isinstance(x, bool), 'True or False')
# All fields but those of `data`, which `input_pipeline.check_config` checks.
_RULES: Mapping[str, _Rule] = types.MappingProxyType(
  {
    'seed': _whole(0, 2**32 - 1),
    'init': _Rule(
      _is_text, "'random', a public name such as 'BiT-M-R50x1', or an .npz file"
    ),
    'model.name': _one_of(resnet_v2.MODELS),
    'model.dtype': _one_of(('float32', 'bfloat16')),
    'model.remat': _FLAG,
    'deterministic': _FLAG,
    'batch': _whole(1),
    'accumulation': _whole(1),
    'optimizer': _one_of(optimizer.OPTIMIZERS),
    'learning_rate': _number('a number above 0', lambda x: x > 0),
    'momentum': _number('a number from 0 to below 1', lambda x: 0 <= x < 1),
    'weight_decay': _number('a number from 0 on', lambda x: x >= 0),
    'learning_rate_decay': _one_of(schedule.RATES),
    'train_head_only': _FLAG,
    'label_smoothing': _number(
      'a number from 0 to below 1', lambda x: 0 <= x < 1
    ),
    'balance_classes': _FLAG,
    'schedule': _Rule(
      lambda x: _is_tuple_of(lambda y: _is_whole(y) and y <= _MAX_STEP, x),
      f'numbers of steps, each at most {_MAX_STEP:,}, such as '
      f'{schedule.SCHEDULES["500"]}, or () for BiT-HyperRule',
    ),
    'mixup_alpha': _number('a number from 0 on; 0: no mixup', lambda x: x >= 0),
    'log_every': _whole(1),
    'eval_every': _whole(0, meaning='; 0: never'),
    'eval_split': _Rule(_is_text, "the name of a split, such as 'val'"),
    'keep': _one_of(best.KEEP),
    'early_stop': _whole(0, meaning='; 0: never'),
    'eval_batch': _whole(1),
    'checkpoint_every': _whole(1),
    'final_splits': _Rule(
      lambda x: _is_tuple_of(_is_text, x) and len(set(x)) == len(x),
      "names of splits, each once, such as ('val', 'test'), or () for none",
    ),
    'report': _FLAG,
  }
)


def check(config: ml_collections.ConfigDict) -> None:
  """Validates the config fields that can be checked without loading data.

  Raises:
    ValueError: a field is missing, or has a value that cannot be used.
    FileNotFoundError: the initial checkpoint does not exist.
  """
  values = traverse_util.flatten_dict(config.to_dict(), sep='.')
  for name, rule in _RULES.items():
    if name not in values:
      raise ValueError(
        f'config.{name} is missing; begin the config file with '
        'common.get_config() of configs/common.py.'
      )
    if not rule.is_valid(values[name]):
      raise ValueError(
        f'config.{name} is {values[name]!r}; expected {rule.expected}.'
      )
  if config.deterministic:
    deterministic.check()
  if config.eval_every and config.eval_split == 'test':
    raise ValueError(
      f"config.eval_split is 'test' and config.eval_every is "
      f'{config.eval_every}: who measures test during a training chooses by '
      "it. Measure 'val', or set config.eval_every=0."
    )
  _check_together(config)
  input_pipeline.check_config(config.data)
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


def _check_together(config: ml_collections.ConfigDict) -> None:
  """Checks fields that make no sense beside each other.

  Raises:
    ValueError: one would have no effect, or would learn nothing.
  """
  if config.weight_decay and config.optimizer == 'sgd':
    raise ValueError(
      f'config.weight_decay is {config.weight_decay}, but config.optimizer is '
      "'sgd', which has none here. Set config.weight_decay=0 or "
      "config.optimizer='adamw'."
    )
  if config.train_head_only and config.init == 'random':
    raise ValueError(
      "config.train_head_only is True, but config.init is 'random': a head on "
      'random features learns little. Name a checkpoint in config.init.'
    )
  if config.data.get('task') == pretext.INSTANCES and (
    config.eval_every or config.final_splits
  ):
    raise ValueError(
      f'config.data.task is {pretext.INSTANCES!r}, and slices of other splits '
      'are of no class that is learned. Set config.eval_every=0 and '
      'config.final_splits="()".'
    )
  if config.keep != best.LAST and not config.eval_every:
    raise ValueError(
      f'config.keep is {config.keep!r}, but config.eval_every is 0, so that '
      "nothing is measured. Set config.eval_every, or config.keep='last'."
    )
  if config.early_stop and config.keep == best.LAST:
    raise ValueError(
      f"config.early_stop is {config.early_stop}, but config.keep is 'last', "
      'which compares no evaluations. Set '
      f"config.keep='{best.KEEP[1]}', or config.early_stop=0."
    )
  if config.balance_classes and config.data.per_class:
    raise ValueError(
      'config.balance_classes is True, but with config.data.per_class='
      f'{config.data.per_class} each class has as many slices already. Set one '
      'of the two.'
    )


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
