# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is refused without data; test_train has the messages of the others."""

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


@pytest.mark.parametrize('field', sorted(check_config._MINIMA))
def test_smallest_values(field):
  config = demo.get_config()
  config[field] = check_config._MINIMA[field] - 1
  with pytest.raises(ValueError, match=rf'config\.{field} is .*; expected'):
    check_config.check(config)


def test_all_configs_of_the_demo_pass():
  check_config.check(demo.get_config())
  check_config.check(demo.get_config('init=random,mixup=True,steps=auto'))
