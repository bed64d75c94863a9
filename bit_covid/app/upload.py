# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""An upload: the files of one page, in a private folder.

The files are named by numbers. Their own names stay in the browser, which sends
only their ending and the number of their folder.
"""

from collections.abc import AsyncIterator
import re

from bit_covid.app import limits as limits_lib
from input_pipeline.scans import private_folder

# '000012.dcm', '000001.nii.gz', '000003': a name that cannot leave the folder.
_NAME = re.compile(r'[0-9]{6}(\.[a-z0-9]{1,8}){0,2}')


class RefusedError(ValueError):
  """An upload is not accepted; the message is for the user."""


class Upload:
  """Files that were received: `count` files of `size` bytes in `folder`."""

  def __init__(self, limits: limits_lib.Limits):
    # The worker may still write when the page is closed.
    self._temporary = private_folder.PrivateFolder(ignore_errors=True)
    self._limits = limits
    self.folder = self._temporary.path
    self.size = 0
    self.count = 0

  async def receive(
    self, folder: int, name: str, chunks: AsyncIterator[bytes]
  ) -> None:
    """Writes a file.

    Args:
      folder: number of the user's folder; images of one folder are one scan.
      name: six digits, by which the files of a folder are ordered, and the
        ending of the user's file, if any.
      chunks: the content.

    Raises:
      RefusedError: name or folder are invalid, the file exists already, or a
        limit is exceeded. Nothing of the file is kept.
    """
    if not _NAME.fullmatch(name) or not 0 <= folder < self._limits.files:
      raise RefusedError(
        f'A file cannot be named {name!r} in folder {folder}; expected six '
        'digits and an ending.'
      )
    self.count += 1
    if self.count > self._limits.files:
      raise RefusedError(
        f'More than {self._limits.files:,} files; upload fewer at a time.'
      )
    target = self.folder / f'{folder:06d}' / name
    target.parent.mkdir(exist_ok=True)
    try:
      file = target.open('xb')
    except FileExistsError:
      raise RefusedError(f'The file {name} was sent twice.') from None
    try:
      with file:
        async for chunk in chunks:
          self._add_size(len(chunk))
          file.write(chunk)
    except BaseException:  # Also if the page is closed.
      target.unlink(missing_ok=True)
      raise

  def remove(self) -> None:
    """Removes all files; a second call does nothing."""
    self._temporary.remove()

  def _add_size(self, size: int) -> None:
    self.size += size
    if self.size > self._limits.bytes:
      raise RefusedError(
        f'More than {self._limits.bytes / (1 << 20):,.0f} MB; upload less at a '
        'time, or have the server started with a larger --max_mb.'
      )
