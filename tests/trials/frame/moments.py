# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""When a command is killed: at a time, or at a change of a file."""

import collections
import faulthandler
import os
import pathlib
import re
import signal
from typing import NamedTuple, TextIO

# What Python tells an audit hook before it changes a file or folder; it tells
# it of 'open' too.
_CHANGES = frozenset(
  ('os.rename', 'os.mkdir', 'os.remove', 'os.rmdir', 'os.link', 'os.truncate')
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# In the names of files: steps, process ids, hashes, random letters of tfds.
_NUMBERS = re.compile(
  r'(?<![A-Za-z])[0-9a-f]*[0-9][0-9a-f]*(?![A-Za-z])'
  r'|(?<=incomplete\.)[0-9A-Z]{6}'
)


class Moment(NamedTuple):
  """When a command is killed.

  Attributes:
    seconds: after its start; None: not at a time.
    change: at this change of a file, as in `Ended.changes`; None: at none.
    count: at the first, second, ... of these changes.
  """

  seconds: float | None = None
  change: str | None = None
  count: int = 1


NEVER = Moment()


class Watch:
  """Notes each change of a file, and kills the process at one of them.

  A file that would be opened is there then, but empty: this is what a write
  that is not atomic leaves. Other changes are not made any more.
  """

  def __init__(
    self, folder: pathlib.Path, changes: int, stack: TextIO, moment: Moment
  ):
    self._folder = f'{folder}/'
    self._changes = changes
    self._stack = stack
    self._moment = moment
    self._counts = collections.Counter()

  def __call__(self, event: str, arguments: tuple) -> None:
    if event not in _CHANGES and event != 'open':
      return
    path, *_, flags = arguments
    is_text = isinstance(path, str | bytes)
    path = os.fsdecode(path) if is_text else ''
    if not path.startswith(self._folder):
      return
    if event == 'open' and not flags & _WRITES:
      return
    name = _NUMBERS.sub('N', path.removeprefix(self._folder))
    change = f'{event} {name}'
    self._counts[change] += 1
    os.write(self._changes, f'{change}\n'.encode())
    is_now = self._counts[change] == self._moment.count
    if change == self._moment.change and is_now:
      self._moment = NEVER  # To open a file is a change.
      faulthandler.dump_traceback(self._stack)
      if event == 'open':
        os.open(path, flags, 0o666)
      os.killpg(0, signal.SIGKILL)
