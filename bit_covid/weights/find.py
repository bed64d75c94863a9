# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds a checkpoint: a path, one of this package, or a download of BiT's.

Before a download comes to its place, its bytes and shapes are checked. Its
sha256 is written beside it and compared at every later use, so that a file
which has changed since is not taken for the one that was downloaded.
"""

from collections.abc import Sequence
import functools
import os
import pathlib

from etils import epath
import platformdirs

from bit_covid.base import checksums
from bit_covid.base import files
from bit_covid.weights import download
from bit_covid.weights import public_files

BIT_MODELS_URL = 'https://storage.googleapis.com/bit_models/'


def is_public_name(name: str) -> bool:
  """Returns whether the name has the form of a file that BiT published."""
  return public_files.parse(name) is not None


def bundled() -> dict[str, pathlib.Path]:
  """Returns the checkpoints of this package, 'Textures-M-tiny' and the like.

  README.md beside this file says how each came about.
  """
  folder = pathlib.Path(__file__).parent
  paths = {path.stem: path for path in folder.glob('*.npz')}
  return dict(sorted(paths.items()))


def find(
  name: str,
  *,
  cache_dir: str | os.PathLike[str] | None = None,
  base_url: str = BIT_MODELS_URL,
) -> pathlib.Path:
  """Returns the path of a checkpoint, which is downloaded if need be.

  Args:
    name: a path to an .npz file, a name of `bundled()`, or a public name such
      as 'BiT-M-R50x1'.
    cache_dir: where downloads are kept; by default `$BIT_COVID_CACHE`, or the
      user's cache folder.
    base_url: where '<name>.npz' is found.

  Raises:
    FileNotFoundError: the name is neither a file nor a known name.
    ConnectionError: the download failed; the message holds path and URL.
    ValueError: the file in the cache is not the one that was downloaded, or
      has other shapes than the public file of that name.
  """
  _check_name(name)
  path = pathlib.Path(name).expanduser()
  if path.is_file():
    return path
  if name in bundled():
    return bundled()[name]
  cache_dir = cache_dir or os.environ.get('BIT_COVID_CACHE')
  folder = cache_dir or platformdirs.user_cache_dir('bit_covid')
  path = pathlib.Path(folder).expanduser() / f'{name}.npz'
  url = f'{base_url}{name}.npz'
  if not path.is_file():
    accept = functools.partial(_accept, path=path, name=name)
    download.download(url, path, accept=accept)
  _check(path, name=name, url=url)
  return path


def find_checkpoint(name: str | os.PathLike[str]) -> pathlib.Path:
  """Returns the .npz file of a name that `bit_covid.load` takes.

  Raises:
    FileNotFoundError: there is no such file, folder or public name, or the
      folder holds no model.
  """
  check_checkpoint(name)
  folder = pathlib.Path(name).expanduser()
  return folder / 'model.npz' if folder.is_dir() else find(os.fspath(name))


def find_checkpoints(
  name: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> list[pathlib.Path]:
  """Returns the .npz files of one name, or of several for an ensemble.

  Args:
    name: as for `find_checkpoint`, several of them in a list or with commas
      between, or the folder of a cross-validation, for the networks of all of
      its folds.

  Raises:
    FileNotFoundError: there is no such file, folder or public name, or a folder
      holds no model.
  """
  return [find_checkpoint(x) for x in _several(name)]


def check_checkpoints(
  name: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> None:
  """Checks that there is what a name stands for, without a download.

  Raises:
    FileNotFoundError: as by `find_checkpoints`.
  """
  for each in _several(name):
    check_checkpoint(each)


def _several(
  name: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
) -> list[str | os.PathLike[str]]:
  if isinstance(name, Sequence) and not isinstance(name, str):
    return [x for each in name for x in _several(each)]
  path = pathlib.Path(name).expanduser()
  text = os.fspath(name)
  if ',' in text and not path.exists():
    return [x for each in text.split(',') for x in _several(each)]
  folds = sorted(path.glob('fold_*/config.json'), key=_fold_number)
  if folds and not (path / 'model.npz').exists():
    return [x.parent for x in folds]
  return [name]


def _fold_number(path: pathlib.Path) -> int:
  number = path.parent.name.removeprefix('fold_')
  return int(number) if number.isdecimal() else 0


def check_checkpoint(name: str | os.PathLike[str]) -> None:
  """Checks that there is what a name stands for, without a download.

  Raises:
    FileNotFoundError: as by `find_checkpoint`.
  """
  folder = pathlib.Path(name).expanduser()
  if not folder.is_dir():
    _check_name(os.fspath(name))
  elif not (folder / 'model.npz').is_file():
    raise FileNotFoundError(
      f'{folder} holds no model.npz: its training has not finished, or it is '
      'no work directory.'
    )


def _check_name(name: str) -> None:
  path = pathlib.Path(name).expanduser()
  if not (path.is_file() or name in bundled() or is_public_name(name)):
    raise FileNotFoundError(
      f'There is no checkpoint {str(path.absolute())!r}, and {name!r} is no '
      'public name. Give the path of an .npz file or a name such as '
      "'BiT-M-R50x1', 'BiT-S-R101x1', 'BiT-M-R50x1-ILSVRC2012' or "
      "'BiT-M-R50x1-CIFAR10'. For the tiny network, this package has "
      f'{", ".join(bundled())}.'
    )


def _accept(partial: pathlib.Path, *, path: pathlib.Path, name: str) -> None:
  """Checks what a download holds, and records its checksum."""
  public_files.check(partial, name)
  # Before the file is at its path: without a record, it would pass for one that
  # was put there by hand.
  text = f'{checksums.of_file(epath.Path(partial))}  {path.name}\n'
  files.write(epath.Path(_record(path)), text.encode())


def _record(path: pathlib.Path) -> pathlib.Path:
  return path.with_name(f'{path.name}.sha256')


def _check(path: pathlib.Path, *, name: str, url: str) -> None:
  record = _record(path)
  # A file without a record was put there by hand, on a machine without a
  # network, say: its bytes are checked when it is loaded, as any file's are.
  if record.is_file():
    expected = record.read_text(errors='replace').partition(' ')[0]
    actual = checksums.of_file(epath.Path(path))
    if actual != expected:
      raise ValueError(
        f'{path} ({path.stat().st_size} bytes) has the sha256 {actual}, but '
        f'{expected} was recorded when it was downloaded from {url}. Remove it '
        'to download it again.'
      )
  try:
    public_files.check(path, name)
  except ValueError as error:
    raise ValueError(
      f'{error} Remove it to download {url}, or give the path of your own file '
      'instead of this name.'
    ) from error
