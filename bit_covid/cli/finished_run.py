# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What `bit-covid train` says of a run that has ended before."""

import pathlib

from etils import epath
import ml_collections

from bit_covid.base import files
from bit_covid.base import lines
from bit_covid.training import same_run


def show(config: ml_collections.ConfigDict, workdir: pathlib.Path) -> None:
  """Prints the results of a finished run and what can be done with it.

  Raises:
    ValueError: it is a run with another config.
  """
  same_run.check_same_config(config, epath.Path(workdir))
  lines.say(f'{workdir} is finished; nothing is left to do.')
  found = files.read_json(workdir / 'report' / 'metrics.json') or {}
  for split in config.final_splits:
    if split in found:
      lines.say(
        f'{split}: accuracy {found[split]["accuracy"]:.2%} of '
        f'{found[split]["slices"]:,} slices'
      )
  report = workdir / 'report' / 'index.html'
  if report.exists():
    lines.say(f'Report: {report}')
  lines.say(
    'To evaluate it on other data: bit-covid evaluate --help. To train anew, '
    'name another --workdir.'
  )
