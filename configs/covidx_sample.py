# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
r"""A small part of COVIDx CT-3A, a tiny network: minutes on a laptop.

    BIT_COVID_COVIDX=FOLDER python -m bit_covid.main \
        --config=configs/covidx_sample.py --workdir=runs/covidx_sample

FOLDER, or `--config.data.path`, holds train_COVIDx_CT-3A.txt, the same for
test, and the slices that they name in 3A_images/. It shows that real slices go
all the way through; a few patients and a tiny network show nothing of accuracy.
"""

import os

import ml_collections

from configs import common


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
  """Returns the config of the small run on real slices."""
  config = common.get_config()
  config.model.name = 'tiny'
  config.data.name = 'covidx_ct/3a'
  config.data.path = os.environ.get('BIT_COVID_COVIDX', '')
  # Apart from the whole of COVIDx CT-3A, if that is prepared some day.
  config.data.data_dir = '~/tensorflow_datasets/covidx_sample'
  config.data.resize, config.data.crop = 144, 128
  config.batch = 32
  config.learning_rate = 0.03
  config.schedule = (30, 200, 260, 290, 300)
  config.mixup_alpha = 0.0
  config.log_every = 20
  # Too few patients for a val split: nothing is chosen on the way.
  config.eval_every = 0
  config.checkpoint_every = 100
  config.final_splits = ('test',)
  return common.with_argument(config, arg)
