# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
r"""The paper's "Bit-M-S": ImageNet-21k, then fine-tuned on ILSVRC-2012.

    python -m bit_covid.main --config=configs/bit_m_s.py \
        --config.data.path=COVIDX_FOLDER --workdir=runs/bit_m_s

Downloads BiT-M-R50x1-ILSVRC2012.npz (102 MB). The paper reports 98.9 % test
accuracy (Table 3). Not yet reproduced here.
"""

import functools

from configs import common

get_config = functools.partial(common.get_config, init='BiT-M-R50x1-ILSVRC2012')
