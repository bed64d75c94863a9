# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A run from end to end in minutes on a laptop: drawn slices, a tiny network.

    python -m bit_covid.main --config=configs/demo.py --workdir=runs/demo

No download. The slices are drawn, and the result says nothing of patients. It
starts from weights that come with the package, pre-trained on drawn textures
(bit_covid/weights/README.md): test accuracy 99.6 % with seed 0. Behind a colon,
init=random starts from nothing: 97.6 %.
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
