# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO without its telemetry.

    from bit_covid.engine.private_openvino import openvino

Imported otherwise, OpenVINO tells Google Analytics that it is used, from a
process that it forks. It does without the package that does this if it cannot
be imported.
"""

import sys

sys.modules['openvino_telemetry'] = None

import openvino  # noqa: E402

__all__ = ['openvino']
