# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Pre-training out of the field, in miniature: drawn textures, tiny network.

    python -m bit_covid.main --config=configs/pretrain_textures.py:set=m \
        --workdir=runs/textures_m

`set` is m (164 classes; val accuracy 53.0 %, test 52.7 %), s (12; 96.7 and
98.7 %) or c (10), all of them drawn. Four minutes on two idle cores; model.npz
is what fine-tuning starts from, `--config.init=runs/textures_m/model.npz`. With
init=Textures-M-tiny, the many classes' network is tuned on one of the other
sets, as Bit-M-C and Bit-M-S are. bit_covid/weights/README.md has all commands.
"""

import ml_collections

from configs import common

_SETS = {x: {'data.name': f'textures/{x}'} for x in 'smc'}
_ARGUMENTS = {
  'set': ('s, m or c', lambda x: common.one_of(x, _SETS)),
  **common.ARGUMENTS,
}


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
  """Returns the config of a pre-training from random weights."""
  config = common.get_config()
  config.model.name = 'tiny'
  config.data.name = 'textures/m'
  config.data.box = 'none'
  config.data.resize, config.data.crop = 72, 64
  config.batch = 32
  config.learning_rate = 0.03
  config.schedule = (200, 1800, 2400, 2800, 3000)
  config.mixup_alpha = 0.0
  config.eval_every = 1000
  config.checkpoint_every = 1000
  # Many classes: a report of their confusions would fill walls.
  config.final_splits = ()
  return common.with_argument(config, arg, _ARGUMENTS)
