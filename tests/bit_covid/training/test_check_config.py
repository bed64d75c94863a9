# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is refused without data; test_train has the messages of the others."""

import math
import re

from flax import traverse_util
import ml_collections
import pytest

from bit_covid.training import check_config
from configs import demo


def test_mixup_is_checked_only_once_the_hyper_rule_has_decided():
  config = demo.get_config('mixup=True')
  config.batch = 6
  with pytest.raises(ValueError, match=r'config.batch=6 is 3 slices a device'):
    check_config.check(config)
  config.schedule = ()
  check_config.check(config)
  with pytest.raises(ValueError, match=r'config.batch=6 is 3 slices a device'):
    check_config.check_mixup(config)
  config.mixup_alpha = 0.0
  check_config.check_mixup(config)


# Values that each field refuses, apart from other types, and one that it takes.
VALUES = {
  'seed': ([-1, 2**32, 1.0, True], 2**32 - 1),
  'init': (['', ' ', 3], 'random'),
  'model.name': (['R18', '', 3], 'R50x1'),
  'model.dtype': (['float16', 16], 'bfloat16'),
  'model.remat': ([1, 'True'], True),
  'deterministic': ([1, 'True'], True),
  'batch': ([0, 2**24 + 1, 32.0], 32),
  'accumulation': ([0, 1.5], 1),
  'optimizer': (['adam', '', 3], 'adamw'),
  'learning_rate': ([0.0, -1.0, math.inf, math.nan, True, '0.1'], 1e-9),
  'momentum': ([1.0, -0.1, math.nan], 0.0),
  'weight_decay': ([-0.1, math.nan, True], 0),
  'learning_rate_decay': (['linear', '', 3], 'cosine'),
  'train_head_only': ([0, 'False'], False),
  'label_smoothing': ([-0.1, 1.0, math.nan], 0.5),
  'balance_classes': ([0, 'False'], True),
  'schedule': ([5, (1, 2.5), ('1', 'a'), (1, 2**24 + 1)], ()),
  'mixup_alpha': ([-0.1, math.inf, math.nan], 0),
  'log_every': ([0, -1], 1),
  'eval_every': ([-1, 0.5], 0),
  'eval_split': (['', 3], 'train'),
  'keep': (['best', '', 3], 'best_loss'),
  'early_stop': ([-1, 0.5], 0),
  'eval_batch': ([0], 32),
  'checkpoint_every': ([0], 1),
  'final_splits': (['test', ('test', 'test'), ('',), (1,)], ()),
  'report': ([0, 'False'], False),
}


def test_every_field_has_a_rule():
  config = traverse_util.flatten_dict(demo.get_config().to_dict(), sep='.')
  fields = {name for name in config if not name.startswith('data.')}
  assert fields == VALUES.keys() == check_config._RULES.keys()


@pytest.mark.parametrize('field', sorted(VALUES))
def test_types_and_ranges(field):
  refused, taken = VALUES[field]
  config = demo.get_config('init=random').to_dict()
  *parents, name = field.split('.')
  inner = config[parents[0]] if parents else config
  for value in [*refused, None]:
    inner[name] = value
    message = re.escape(f'config.{field} is {value!r}; expected ')
    with pytest.raises(ValueError, match=message):
      check_config.check(ml_collections.ConfigDict(config))
  inner[name] = taken
  check_config.check(ml_collections.ConfigDict(config))
  del inner[name]
  with pytest.raises(ValueError, match=f'config.{field} is missing; begin'):
    check_config.check(ml_collections.ConfigDict(config))


def test_all_configs_of_the_demo_pass():
  check_config.check(demo.get_config())
  check_config.check(demo.get_config('init=random,mixup=True,steps=auto'))


def test_test_is_not_measured_during_a_training():
  config = demo.get_config('init=random')
  config.eval_split = 'test'
  with pytest.raises(ValueError, match="Measure 'val', or set"):
    check_config.check(config)
  config.eval_every = 0
  check_config.check(config)


@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    ({'weight_decay': 0.1}, "but config.optimizer is 'sgd'"),
    ({'train_head_only': True}, "but config.init is 'random'"),
    ({'keep': 'best_loss', 'eval_every': 0}, 'but config.eval_every is 0'),
    ({'early_stop': 3}, "but config.keep is 'last'"),
    (
      {'balance_classes': True, 'data.per_class': 5},
      'each class has as many slices already',
    ),
  ],
)
def test_fields_that_would_have_no_effect_are_refused(fields, message):
  config = demo.get_config('init=random')
  config.update_from_flattened_dict(fields)
  with pytest.raises(ValueError, match=message):
    check_config.check(config)
