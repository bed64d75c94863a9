# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
r"""The paper's "Bit-S": R50x1 pre-trained on ILSVRC-2012 (1.28 M images).

    python -m bit_covid.main --config=configs/bit_s.py \
        --config.data.path=COVIDX_FOLDER --workdir=runs/bit_s

Downloads BiT-S-R50x1.npz (102 MB). The paper reports 98.8 % test accuracy
(Tables 1 and 3). Not yet reproduced here.
"""

import functools

from configs import common

get_config = functools.partial(common.get_config, init='BiT-S-R50x1')
