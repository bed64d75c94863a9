# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
r"""The public SARS-CoV-2 CT set, two classes, a network for two cores.

    python -m bit_covid.main --config=configs/sars_cov_2_ct.py \
        --config.data.path=FOLDER --workdir=runs/sars_cov_2_ct

FOLDER holds COVID and non-COVID, or is a CSV in it that `bit-covid split` made;
docs/data.md has every command from the download on. Patients are not named, so
slices of one may be in several splits: the result is not one for new patients.
"""

import ml_collections

from configs import common


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
  """Returns the config of a training from random weights."""
  config = common.get_config()
  config.model.name = 'R26x0.5'
  config.data.name = 'sars_cov_2_ct'
  # The images are cut to the chest already. In some the automatic box would cut
  # off a lung.
  config.data.box = 'none'
  config.data.resize, config.data.crop = 144, 128
  config.batch = 32
  # From random weights, ten times BiT's rate for fine-tuning, as in the demo.
  config.learning_rate = 0.03
  # BiT-HyperRule's 500 steps for so few images are for pre-trained weights.
  config.schedule = (500, 1500, 3000, 4500, 5000)
  config.eval_every = 500
  return common.with_argument(config, arg)
