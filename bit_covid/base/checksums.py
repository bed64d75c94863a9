# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""SHA-256 checksums, by which files that changed on a disk are found."""

from collections.abc import Iterable, Iterator, Mapping
import hashlib

from etils import epath

from bit_covid.base import files

# In the format of the command `sha256sum`.
FILE_NAME = 'SHA256SUMS'


def of_file(path: epath.Path) -> str:
  """Returns the checksum of a file, in hexadecimal digits."""
  digest = hashlib.sha256()
  with path.open('rb') as file:
    while chunk := file.read(1 << 20):
      digest.update(chunk)
  return digest.hexdigest()


def of_files(folder: epath.Path, paths: Iterable[epath.Path]) -> dict[str, str]:
  """Returns the checksums of files, by their name relative to the folder."""
  return {
    path.relative_to(folder).as_posix(): of_file(path) for path in sorted(paths)
  }


def files_in(folder: epath.Path) -> Iterator[epath.Path]:
  """Yields the files of a folder and of the folders in it."""
  for path in folder.iterdir():
    if path.is_dir():
      yield from files_in(path)
    else:
      yield path


def problems(folder: epath.Path, expected: Mapping[str, str]) -> list[str]:
  """Returns a text for each file of a folder that is missing or changed.

  Raises:
    OSError: the disk does not answer, which says nothing about the files.
  """
  found = []
  for name, checksum in expected.items():
    try:
      if of_file(folder / name) != checksum:
        found.append(f'{name} is not as it was written')
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
      found.append(f'{name} is missing')
  return found


def write(folder: epath.Path, checksums: Mapping[str, str]) -> None:
  """Writes the checksums of its files into a folder."""
  files.write(folder / FILE_NAME, _format(checksums).encode())


def check_folder(folder: epath.Path) -> bool:
  """Returns whether the folder has checksums; compares its files with them.

  Raises:
    ValueError: a file is missing or changed, or one of a folder in it is not
      in the list; the message names the first one.
    OSError: the disk does not answer, which says nothing about the files.
  """
  path = folder / FILE_NAME
  if not path.exists():
    return False
  try:
    text = path.read_text()
    lines = text.removesuffix('\n').split('\n')
    checksums = dict(line.split('  ', 1)[::-1] for line in lines)
  except ValueError as error:
    raise ValueError(f'{FILE_NAME} is damaged') from error
  found = problems(folder, checksums)
  inside = [y for x in folder.iterdir() if x.is_dir() for y in files_in(x)]
  names = {path.relative_to(folder).as_posix() for path in inside}
  lacking = sorted(names - checksums.keys())
  found += [f'{FILE_NAME} is cut off: it lacks {name}' for name in lacking]
  if found:
    more = f' (and {len(found) - 1} more)' if found[1:] else ''
    raise ValueError(found[0] + more)
  return True


def _format(checksums: Mapping[str, str]) -> str:
  return ''.join(f'{value}  {name}\n' for name, value in checksums.items())
