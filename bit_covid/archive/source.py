# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files of an archive: those of a folder, or those that fit a pattern."""

from collections.abc import Iterator
import glob
import os
import pathlib

from input_pipeline.scans import input_file


def check(source: str) -> None:
  """Checks that a source leads to a file or a folder.

  Raises:
    FileNotFoundError: it does not.
  """
  if not _paths(source):
    raise FileNotFoundError(
      f'{source} does not exist. Give a folder of studies, a pattern in '
      "quotes, such as 'export/*/CT', or a CSV of `archive index`."
    )


def is_table(source: str) -> bool:
  """Returns whether a source is a CSV of studies."""
  return source.lower().endswith('.csv') and os.path.isfile(source)


def files(source: str) -> Iterator[input_file.InputFile]:
  """Yields all files of a source.

  Args:
    source: a folder or a file, or a pattern of them in which ** stands for
      any folders.
  """
  for path in _paths(source):
    yield from walk(path)


def walk(path: pathlib.Path) -> Iterator[input_file.InputFile]:
  """Yields a file, or those in and below a folder."""
  if path.is_dir():
    yield from input_file.walk(path)
  else:
    yield input_file.on_disk(path)


def _paths(source: str) -> list[pathlib.Path]:
  # Absolute, as a worker may have started in another folder.
  path = pathlib.Path(source).absolute()
  if path.exists():
    return [path]
  found = glob.glob(str(path), recursive=True)
  return sorted(map(pathlib.Path, found), key=input_file.natural_key)
