# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Pre-training without labels, and fine-tuning of what it gives."""

import numpy as np
import pytest

from bit_covid.inference import load
from bit_covid.training import check_config
from bit_covid.training import train
from bit_covid.weights import bit_npz

pytestmark = pytest.mark.usefixtures('small_network')


@pytest.fixture
def config(make_small_config):
  """Two steps on slices that are each a class."""
  config = make_small_config()
  config.data.task = 'instances'
  config.schedule = (1, 2)
  config.eval_every, config.final_splits = 0, ()
  config.report = False
  return config


def test_fine_tuning_starts_from_what_was_learned(config, tmp_path):
  train.train_and_evaluate(config, tmp_path / 'before')
  path = tmp_path / 'before' / 'model.npz'
  before = bit_npz.load(path)
  assert len(before.metadata.class_names) > 3
  with pytest.raises(ValueError, match="learned 'instances' and no diagnosis"):
    load.load(str(path))
  config.data.task, config.init = 'classes', str(path)
  params = train.initial_params(config, before.create_model())
  np.testing.assert_array_equal(
    params['root']['kernel'], before.params['root']['kernel']
  )


@pytest.mark.parametrize(
  ('field', 'value'), [('eval_every', 1), ('final_splits', ('val',))]
)
def test_slices_of_val_are_of_no_class(config, field, value):
  config[field] = value
  with pytest.raises(ValueError, match='of no class that is learned'):
    check_config.check(config)
