# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""config.json and run.json of a work directory: what its results are of."""

from collections.abc import Collection, Mapping, Sequence
import json
from typing import Any

from etils import epath
from flax import traverse_util

from bit_covid.base import files
from bit_covid.training import provenance


def read(workdir: epath.Path) -> dict[str, Any] | None:
  """Returns the content of config.json, or None if there is no such file.

  Raises:
    ValueError: the file is not a JSON object.
  """
  path = workdir / 'config.json'
  if not path.exists():
    return None
  try:
    return dict(json.loads(path.read_text()))
  except (TypeError, ValueError) as error:
    raise ValueError(
      f'{path} is no JSON of a run: {error}. Choose another folder.'
    ) from error


def differences(
  found: Mapping[str, Any],
  asked: Mapping[str, Any],
  *,
  ignored: Collection[str] = (),
) -> list[str]:
  """Returns a text for each value in which two trees of facts differ.

  The one is the content of a config.json, the other what the present call would
  write there. Paths that are ignored have the form 'data.crop'.
  """
  found, asked = (
    traverse_util.flatten_dict(dict(tree), sep='.') for tree in (found, asked)
  )
  return [
    f'{path} is {found.get(path)} there, {asked.get(path)} here'
    for path in sorted((found.keys() | asked.keys()) - set(ignored))
    if found.get(path) != asked.get(path)
  ]


def check_same(
  found: Mapping[str, Any],
  asked: Mapping[str, Any],
  *,
  problem: str,
  folder: str = 'work directory',
  ignored: Collection[str] = (),
) -> None:
  """Checks that there are no `differences`.

  Raises:
    ValueError: there are some; the message begins with the problem.
  """
  different = differences(found, asked, ignored=ignored)
  if different:
    raise ValueError(
      f'{problem}: {"; ".join(different)}. Choose another {folder}, or remove '
      'this one to start anew.'
    )


def write(
  workdir: epath.Path,
  facts: Mapping[str, Any],
  *,
  devices: Sequence[str] | None = None,
) -> None:
  """Writes config.json and adds an entry to run.json, of this start.

  A run may be resumed on another machine or with other versions. The devices
  are those of JAX unless others are named.
  """
  workdir.mkdir(parents=True, exist_ok=True)
  files.write_json(workdir / 'config.json', facts)
  path = workdir / 'run.json'
  starts = files.read_json(path) or []
  start = provenance.collect()
  if devices is not None:
    start['devices'] = list(devices)
  files.write_json(path, [*starts, start])
