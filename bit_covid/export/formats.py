# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The formats of an export, by the names that users give them."""

import importlib
import types

from bit_covid.base import project

# Modules with `write`, `read` and `PACKAGES`; the texts of each are templates.
FORMATS = {
  'npz': 'bit_covid.export.npz_format',
  'stablehlo': 'bit_covid.export.stablehlo_format',
  'savedmodel': 'bit_covid.export.saved_model_format',
  'onnx': 'bit_covid.export.onnx_format',
}


def parse_formats(text: str) -> tuple[str, ...]:
  """Returns the formats of a comma-separated list; 'all' means all formats.

  Raises:
    ValueError: a name is not one of `FORMATS`.
  """
  names = tuple(dict.fromkeys(text.split(',')))
  if names == ('all',):
    return tuple(FORMATS)
  for name in names:
    if name not in FORMATS:
      raise ValueError(
        f'--format={text}: there is no format {name!r}; expected all, or '
        f'some of {", ".join(FORMATS)} with commas.'
      )
  return names


def import_format(name: str) -> types.ModuleType:
  """Returns the module of a format.

  Raises:
    ValueError: a package that it needs is not installed.
  """
  try:
    return importlib.import_module(FORMATS[name])
  except ModuleNotFoundError as error:
    raise ValueError(
      f'--format={name} needs the package {error.name!r}, which is not '
      f'installed: {project.install_command("onnx")}, or leave the format out.'
    ) from error
