# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configs in words."""

from bit_covid.card import config_words
from configs import common


def test_the_settings_of_the_paper():
  config = common.get_config().to_dict()
  config['schedule'] = (50, 250, 330, 380, 400)
  config['mixup_alpha'] = 0.0
  found = config_words.of(config)
  assert found['mixup'] == 'no mixup'
  assert found['chosen'] == 'all slices of the split'
  assert found['steps'] == '400'
  assert found['rate'].endswith('divided by ten at the steps 250, 330, 380')
  assert found['trained'] == 'All parameters are trained'
  assert found['smoothing'] == 'labels as they are'
  assert found['weighting'] == 'Classes are not weighted'
  assert found['kept'].startswith('The network after the last step is used')


def test_all_other_settings():
  config = common.get_config().to_dict()
  config |= {
    'schedule': (100, 2000, 3000, 4000, 5000),
    'learning_rate_decay': 'cosine',
    'mixup_alpha': 0.1,
    'train_head_only': True,
    'label_smoothing': 0.2,
    'balance_classes': True,
    'keep': 'best_loss',
  }
  config['data'] |= {'per_class': 1200, 'per_class_by': 'patient'}
  assert config_words.of(config) == {
    'mixup': 'mixup with alpha 0.1',
    'chosen': '1,200 slices of each class, drawn by patient',
    'steps': '5,000',
    'rate': 'The rate rises until step 100 and then falls to 0 as a cosine '
    'does',
    'trained': 'Only the last layer is trained',
    'smoothing': 'labels of which 20% are spread over all classes',
    'weighting': 'Classes are weighted by the inverse of their slices',
    'kept': 'The network of the best loss during the training is used',
  }


def test_a_schedule_without_decays():
  config = common.get_config().to_dict() | {'schedule': (50, 400)}
  rate = config_words.of(config)['rate']
  assert rate == 'The rate rises until step 50 and then stays'
