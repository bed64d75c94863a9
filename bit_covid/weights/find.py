# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Finds a checkpoint: a path, one of this package, or a download of BiT's.

A download goes to a temporary file and is renamed when it is whole. Its sha256
is written beside it and compared at every later use, so that a file which has
changed since is not taken for the one that was downloaded.
"""

import os
import pathlib
import re

from etils import epath
import pooch

from bit_covid.base import files

BIT_MODELS_URL = 'https://storage.googleapis.com/bit_models/'

# The families of public files: BiT-M-R50x1, BiT-M-R50x1-CIFAR10,
# vtab/BiT-M-R50x1-run0-patch_camelyon, distill/R50x1_224.
_PUBLIC_NAME = re.compile(
  r'BiT-[SM]-R(50x1|50x3|101x1|101x3|152x2|152x4)(-ILSVRC2012|-CIFAR10)?'
  r'|vtab/BiT-M-R\d+x\d-run\d-[\w-]+'
  r'|distill/R\d+x\d(_T)?_\d+'
)


def is_public_name(name: str) -> bool:
  """Returns whether the name has the form of a file that BiT published."""
  return _PUBLIC_NAME.fullmatch(name) is not None


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
    ValueError: the file in the cache is not the one that was downloaded.
  """
  path = pathlib.Path(name).expanduser()
  if path.is_file():
    return path
  ours = bundled()
  if name in ours:
    return ours[name]
  if not is_public_name(name):
    raise FileNotFoundError(
      f'There is no checkpoint {str(path.absolute())!r}, and {name!r} is no '
      'public name. Give the path of an .npz file or a name such as '
      "'BiT-M-R50x1', 'BiT-S-R101x1', 'BiT-M-R50x1-ILSVRC2012' or "
      "'BiT-M-R50x1-CIFAR10'. For the tiny network, this package has "
      f'{", ".join(ours)}.'
    )
  cache_dir = cache_dir or os.environ.get('BIT_COVID_CACHE')
  path = pathlib.Path(cache_dir or pooch.os_cache('bit_covid')) / f'{name}.npz'
  _download_or_check(path, f'{base_url}{name}.npz')
  return path


def find_checkpoint(name: str | os.PathLike[str]) -> pathlib.Path:
  """Returns the .npz file of a name that `bit_covid.load` takes.

  Raises:
    FileNotFoundError: there is no such file, folder or public name, or the
      folder holds no model.
  """
  folder = pathlib.Path(name).expanduser()
  if not folder.is_dir():
    return find(os.fspath(name))
  path = folder / 'model.npz'
  if not path.is_file():
    raise FileNotFoundError(
      f'{folder} holds no model.npz: its training has not finished, or it is '
      'no work directory.'
    )
  return path


def _download_or_check(path: pathlib.Path, url: str) -> None:
  record = path.with_name(f'{path.name}.sha256')
  if not path.is_file():
    _download(path, url, record)
  # A file without a record was put there by hand, on a machine without a
  # network, say: its content is checked when it is loaded, as any file's is.
  elif record.is_file():
    expected, actual = record.read_text().split()[0], pooch.file_hash(path)
    if actual != expected:
      raise ValueError(
        f'{path} ({path.stat().st_size} bytes) has the sha256 {actual}, but '
        f'{expected} was recorded when it was downloaded from {url}. Remove it '
        'to download it again.'
      )


def _download(path: pathlib.Path, url: str, record: pathlib.Path) -> None:
  partial = path.with_name(f'.{path.name}.{os.getpid()}.download')
  try:
    # Pooch writes to a temporary file beside it and moves that when it is done.
    pooch.retrieve(
      url,
      known_hash=None,
      fname=partial.name,
      path=partial.parent,
      downloader=pooch.HTTPDownloader(progressbar=True, timeout=30),
    )
  except Exception as error:  # Whatever the network stack raises.
    raise ConnectionError(
      f'Could not download {url} to {path}: {error}. Without a network, '
      f'download it elsewhere and put it at that path.'
    ) from error
  # The record first: a file without one would pass for one put there by hand.
  text = f'{pooch.file_hash(partial)}  {path.name}\n'
  files.write(epath.Path(record), text.encode())
  partial.replace(path)
