# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The report of a run, written from the predictions in its work directory.

    report.write_report('runs/bit_m')
    python -m bit_covid.report runs/bit_m --metadata=metadata.csv

It needs predictions/<split>.csv, and shows features, maps, metrics.jsonl,
splits.csv, config.json and run.json if they exist. It writes report/index.html
(or report.md), report/metrics.json and report/figures/*.png.
"""

from etils import epy

# Loaded when they are first used, as `--help` waits for no figures.
with epy.lazy_api_imports(globals()):
  from bit_covid.report.command import main
  from bit_covid.report.files import write_report

__all__ = ['main', 'write_report']
