# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Configs of runs that earlier versions left."""

from collections.abc import Mapping
import types
from typing import Any

# Fields that were added since, and what was done before.
_ADDED = types.MappingProxyType(
  {
    'optimizer': 'sgd',
    'weight_decay': 0.0,
    'learning_rate_decay': 'steps',
    'train_head_only': False,
    'label_smoothing': 0.0,
    'balance_classes': False,
    'keep': 'last',
    'early_stop': 0,
  }
)
_ADDED_DATA = types.MappingProxyType(
  {
    'fold': [],
    'leave_out': '',
    'task': 'classes',
    'rotation': 0.0,
    'contrast': 0.0,
    'brightness': 0.0,
    'erase': 0.0,
  }
)


def complete(config: Mapping[str, Any]) -> Mapping[str, Any]:
  """Returns the content of a config.json with all fields of a training.

  That of a network that was only evaluated is returned as it is.
  """
  if 'schedule' not in config:
    return config
  return _ADDED | config | {'data': _ADDED_DATA | config['data']}
