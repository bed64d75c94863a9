# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files of an archive: those of a folder, or those that fit a pattern.

Other kinds of sources, such as a table of paths, would be told apart here.
"""

from collections.abc import Iterator
import glob
import os
import pathlib

from input_pipeline.scans import input_file
from input_pipeline.scans import scan


def check(source: str) -> None:
  """Checks that a source leads to a file or a folder.

  Raises:
    FileNotFoundError: it does not.
  """
  if not _paths(source):
    raise FileNotFoundError(
      f'{source} does not exist. Give a folder of studies, or a pattern in '
      "quotes, such as 'export/*/CT'."
    )


def files(
  source: str,
) -> tuple[list[input_file.InputFile], list[scan.Refused]]:
  """Returns all files of a source once, and those given a second time.

  Args:
    source: a folder or a file, or a pattern of them in which ** stands for
      any folders.
  """
  kept: dict[str, input_file.InputFile] = {}
  refused = []
  for file in _walk(source):
    if kept.setdefault(os.path.realpath(file.path), file) is not file:
      refused.append(file.refuse(scan.GIVEN_BEFORE, 'other'))
  return list(kept.values()), refused


def _walk(source: str) -> Iterator[input_file.InputFile]:
  for path in _paths(source):
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
