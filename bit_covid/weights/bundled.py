# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints that come with the package: tiny, and trained on drawn images.

README.md beside this file says how each came about.
"""

import pathlib

_FOLDER = pathlib.Path(__file__).parent


def names() -> tuple[str, ...]:
  """Returns what `path` has, in order: 'Textures-M-tiny' and the like."""
  return tuple(sorted(file.stem for file in _FOLDER.glob('*.npz')))


def path(name: str) -> pathlib.Path:
  """Returns where a checkpoint of `names()` lies.

  Raises:
    KeyError: there is no such name.
  """
  if name not in names():
    raise KeyError(f'{name!r} is none of {", ".join(names())}.')
  return _FOLDER / f'{name}.npz'
