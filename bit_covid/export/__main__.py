# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes a checkpoint for other runtimes.

python -m bit_covid.export runs/bit_m --format=onnx --output=exported
"""

import sys

from bit_covid.export import command

if __name__ == '__main__':
  sys.exit(command.main())
