# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
r"""Pre-training on slices without their labels, tiny network.

    python -m bit_covid.main --config=configs/pretrain_slices.py:task=changes \
        --workdir=runs/changes

`task` is changes or instances, which input_pipeline/pretext.py explains. The
slices are those of the drawn demo, or those of any data set that
`--config.data.name` and `--config.data.path` name, such as the training slices
that are fine-tuned on afterwards. model.npz is what fine-tuning starts from,
`--config.init=runs/changes/model.npz`.
"""

import ml_collections

from configs import common
from configs import pretrain_textures
from input_pipeline import pretext

_TASKS = {x: {'data.task': x} for x in pretext.TASKS if x != pretext.CLASSES}
_ARGUMENTS = {
  'task': (' or '.join(_TASKS), lambda x: common.one_of(x, _TASKS)),
  **common.ARGUMENTS,
}


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
  """Returns the config of a pre-training from random weights."""
  config = pretrain_textures.get_config()
  config.data.name = 'phantom/demo'
  config.data.task = pretext.CHANGES
  # Instances are to be recognized whatever of this is changed.
  config.data.rotation, config.data.erase = 10.0, 0.3
  config.data.contrast, config.data.brightness = 0.2, 0.1
  # Slices of val are of no class of train if each is one of its own.
  config.eval_every = 0
  return common.with_argument(config, arg, _ARGUMENTS)
