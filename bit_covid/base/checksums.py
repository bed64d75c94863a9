# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""SHA-256 checksums, by which files that changed on a disk are found."""

from collections.abc import Iterable, Iterator, Mapping
import hashlib

from etils import epath

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
  """Returns a text for each file of a folder that is missing or changed."""
  found = []
  for name, checksum in expected.items():
    try:
      if of_file(folder / name) != checksum:
        found.append(f'{name} is not as it was written')
    except FileNotFoundError:
      found.append(f'{name} is missing')
    except OSError as error:
      found.append(f'{name} cannot be read ({error})')
  return found


def write(folder: epath.Path, checksums: Mapping[str, str]) -> None:
  """Writes the checksums of its files into a folder."""
  (folder / FILE_NAME).write_text(_format(checksums))


def check_folder(folder: epath.Path) -> bool:
  """Returns whether the folder has checksums; compares its files with them.

  Raises:
    ValueError: a file is missing or changed; the message names the first one.
  """
  path = folder / FILE_NAME
  if not path.exists():
    return False
  try:
    text = path.read_text()
    lines = text.removesuffix('\n').split('\n')
    checksums = dict(line.split('  ', 1)[::-1] for line in lines)
  except (OSError, ValueError) as error:
    raise ValueError(f'{FILE_NAME} is damaged ({error})') from error
  found = problems(folder, checksums)
  if found:
    more = f' (and {len(found) - 1} more)' if found[1:] else ''
    raise ValueError(found[0] + more)
  return True


def _format(checksums: Mapping[str, str]) -> str:
  return ''.join(f'{value}  {name}\n' for name, value in checksums.items())
