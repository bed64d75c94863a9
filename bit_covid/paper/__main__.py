# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes a table or figure of the paper: its runs, then the finished thing.

python -m bit_covid.paper table1 --workdir=paper --data=COVIDX_FOLDER
python -m bit_covid.paper all --workdir=paper_demo --scale=demo

Runs that are finished are not repeated.
"""

import sys

from bit_covid.paper import command

if __name__ == '__main__':
  sys.exit(command.main())
