# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
r"""The paper's "Bit-M-C": ImageNet-21k, then fine-tuned on CIFAR-10.

    python -m bit_covid.main --config=configs/bit_m_c.py \
        --config.data.path=COVIDX_FOLDER --workdir=runs/bit_m_c

Downloads BiT-M-R50x1-CIFAR10.npz (94 MB). The paper reports 99.2 % test
accuracy (Table 3). Not yet reproduced here.
"""

import functools

from configs import common

get_config = functools.partial(common.get_config, init='BiT-M-R50x1-CIFAR10')
