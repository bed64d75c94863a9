# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The file `report/metrics.json` of a work directory: numbers by split."""

from collections.abc import Mapping
import json
import pathlib
from typing import Any

from bit_covid.base import files


def read(workdir: pathlib.Path) -> dict[str, Any]:
  """Returns the numbers of each split by its name; {} if there is no file."""
  return files.read_json(workdir / 'report' / 'metrics.json') or {}


def update(workdir: pathlib.Path, numbers: Mapping[str, Any]) -> None:
  """Replaces the numbers of the given splits and keeps those of the others.

  An undefined number is None; NaN raises a ValueError.
  """
  path = workdir / 'report' / 'metrics.json'
  found = {**read(workdir), **numbers}
  text = json.dumps(found, indent=2, allow_nan=False) + '\n'
  path.parent.mkdir(parents=True, exist_ok=True)
  files.write(path, text.encode())
