# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
r"""The paper's "Random": R50x1 from random weights.

    python -m bit_covid.main --config=configs/random.py \
        --config.data.path=COVIDX_FOLDER --workdir=runs/random

The paper reports 97.9 % test accuracy (Table 1), 97.7 % in a second run (Table
3). Not yet reproduced here.
"""

from configs import common

get_config = common.get_config
