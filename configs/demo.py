# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A complete run in minutes on a laptop: drawn slices and a tiny network.

    python -m bit_covid.main --config=configs/demo.py --workdir=runs/demo

It downloads nothing. The slices are drawn, so the result says nothing about
patients. The initial weights come with the package and were pre-trained on
drawn textures (bit_covid/weights/README.md): test accuracy 99.6 % with seed 0.
With `--config=configs/demo.py:init=random` it is 97.6 %.
"""

import ml_collections

from configs import common


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
  """Returns the config of the demo."""
  config = common.get_config()
  config.init = 'Textures-M-tiny'
  config.model.name = 'tiny'
  config.data.name = 'phantom/demo'
  config.data.resize, config.data.crop = 72, 64
  config.batch = 32
  # For a tiny network, a larger rate than BiT's: the better of 0.03 and 0.1 on
  # val, from random weights as from textures.
  config.learning_rate = 0.03
  config.schedule = (50, 250, 330, 380, 400)
  config.mixup_alpha = 0.0
  config.eval_every = 100
  config.checkpoint_every = 200
  return common.with_argument(config, arg)
