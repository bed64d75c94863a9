# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""test_ledger.jsonl of a work directory: how often test was looked at.

Who evaluates many networks on test and keeps the best has chosen by test. So
each network that is evaluated on a split other than train and val leaves a
line. The same network on the same slices again leaves none, as a run that is
stopped and goes on would otherwise count twice.
"""

import datetime
import json
from typing import Any

from etils import epath

from bit_covid.base import files
from bit_covid.training import manifest
from bit_covid.training import run_identity

FILE_NAME = 'test_ledger.jsonl'
# Splits that are there to be looked at.
OPEN = ('train', 'val')


def add(
  workdir: epath.Path, split: str, *, checkpoint: str, fingerprint: str
) -> None:
  """Adds a line on an evaluation, unless there is one of the same kind.

  Args:
    workdir: of the run to which the network belongs.
    split: train and val leave no line.
    checkpoint: digest of the network's parameters.
    fingerprint: of the split.
  """
  if split in OPEN:
    return
  row = {'split': split, 'checkpoint': checkpoint, 'fingerprint': fingerprint}
  if any(row.items() <= known.items() for known in read(workdir)):
    return
  now = datetime.datetime.now(datetime.UTC).isoformat('T', 'seconds')
  row |= {'time': now, 'commit': run_identity.commit()}
  # Added at the end, as another evaluation may add its line at the same time.
  files.append(workdir / FILE_NAME, (json.dumps(row) + '\n').encode())
  manifest.update(workdir, FILE_NAME)


def read(workdir: epath.Path) -> list[dict[str, Any]]:
  """Returns the lines, oldest first; [] for a run without a ledger.

  Raises:
    ValueError: a line other than the last is damaged; the message names it.
  """
  return files.read_json_lines(workdir / FILE_NAME)
