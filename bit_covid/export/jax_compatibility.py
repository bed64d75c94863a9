# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether JAX promises to read a `jax.export` file here and today.

Copied beside such an export. JAX promises that it reads what was written up to
six months ago by an earlier JAX, or up to three weeks ago by a later one.
"""

import datetime
import json
import pathlib
import re
import warnings

import jax

_PROMISED_DAYS = 180


def warn_outside_promise(
  folder: pathlib.Path,
  *,
  today: datetime.date | None = None,
  jax_version: str = jax.__version__,
) -> None:
  """Warns if JAX does not promise to read the export in a folder.

  Args:
    folder: of the export; without its `preprocessing.json` it is just being
      written.
    today: None for the day of the call.
    jax_version: what is to read it.
  """
  path = folder / 'preprocessing.json'
  if not path.exists():
    return
  description = json.loads(path.read_text())
  written = datetime.date.fromisoformat(description['written'])
  writer = description['versions']['jax']
  age = (today or datetime.date.today()) - written
  here, there = _release(jax_version), _release(writer)
  if here < there:
    promise = 'it is not sure that an earlier one can read it'
  elif here > there and age.days > _PROMISED_DAYS:
    promise = 'a later one is sure to read it for six months only'
  else:
    return
  warnings.warn(
    f'{folder / "model.stablehlo"} was written on {written} by jax {writer}, '
    f'and this is jax {jax_version}: {promise}. Use a version near {writer}, '
    'or export the checkpoint again.',
    stacklevel=2,
  )


def _release(version: str) -> tuple[int, ...]:
  """Returns the numbers of a version, such as (0, 10, 2)."""
  return tuple(map(int, re.findall(r'\d+', version)[:3]))
