# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What fields of a config say, for readers who do not know the fields."""

from collections.abc import Mapping
from typing import Any


def of(config: Mapping[str, Any]) -> Mapping[str, str]:
  """Returns what fields of a config say, in words that need no other field."""
  alpha = config.get('mixup_alpha')
  data = config.get('data') or {}
  count, by = data.get('per_class'), data.get('per_class_by')
  warm_up, *decays, end = config.get('schedule') or (0, 0)
  rate = 'stays'
  if config.get('learning_rate_decay') == 'cosine':
    rate = 'falls to 0 as a cosine does'
  elif decays:
    rate = f'is divided by ten at the steps {", ".join(map(str, decays))}'
  smoothed = config.get('label_smoothing')
  measure = config.get('keep', '').removeprefix('best_')
  return {
    'mixup': f'mixup with alpha {alpha}' if alpha else 'no mixup',
    'chosen': f'{count:,} slices of each class, drawn by {by}'
    if count
    else 'all slices of the split',
    'steps': f'{end:,}',
    'rate': f'The rate rises until step {warm_up:,} and then {rate}',
    'trained': 'Only the last layer is trained'
    if config.get('train_head_only')
    else 'All parameters are trained',
    'smoothing': f'labels of which {smoothed:.0%} are spread over all classes'
    if smoothed
    else 'labels as they are',
    'weighting': 'Classes are weighted by the inverse of their slices'
    if config.get('balance_classes')
    else 'Classes are not weighted',
    'kept': 'The network after the last step is used; none is chosen by a '
    'measure'
    if measure == 'last'
    else f'The network of the best {measure} during the training is used',
  }
