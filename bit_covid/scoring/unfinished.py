# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The scans that a call has done so far, in `unfinished/` of its results.

The folder is removed last of all, when nothing else holds the results. Until
then the same call goes on with the scans that are left.
"""

from collections.abc import Iterable, Mapping
import json
import pathlib
from typing import Any

from etils import epath

from bit_covid.base import files

_FOLDER = 'unfinished'
_CALL = 'call.json'
# Of `run_lock`, which is held while scans are scored.
_LOCK = 'run.lock'


def exists(output: pathlib.Path) -> bool:
  """Returns whether a folder of results is one of a call that goes on.

  A call that was killed as it began may have left no more than its lock.
  """
  names = {x.name for x in output.iterdir()} if output.is_dir() else set()
  return _FOLDER in names or names == {_LOCK}


def remove(output: pathlib.Path) -> None:
  """Removes what `Unfinished` stored, as the call is finished."""
  folder = output / _FOLDER
  # The call last: scans that are done are those of a known call.
  for path in sorted(folder.iterdir(), key=lambda x: x.name == _CALL):
    path.unlink()
  folder.rmdir()


class Unfinished:
  """The scans that are done, each stored as soon as its files are written."""

  def __init__(self, output: pathlib.Path, call: Mapping[str, Any]):
    """Begins a call, or goes on with it.

    Args:
      output: the folder of the results.
      call: all that the results depend on besides the scans: version, digests
        of networks, options; for JSON.

    Raises:
      ValueError: the folder holds results of another call.
    """
    self._output = epath.Path(output)
    self._folder = self._output / _FOLDER
    path = self._folder / _CALL
    found = files.read_json(path, remedy=f'Remove {output} to start anew.')
    if self.ids():
      check_same_call(found or {}, call, output)
    self._folder.mkdir(parents=True, exist_ok=True)
    files.write_json(path, call)

  def ids(self) -> set[str]:
    """Returns the ids of the scans that are done."""
    return {x.stem for x in self._folder.glob('*.json')} - {'call'}

  def check_among(self, scan_ids: Iterable[str]) -> None:
    """Checks that all scans that are done are scans of this call.

    Raises:
      ValueError: some are not, so their pages would be left.
    """
    others = sorted(self.ids() - set(scan_ids))
    if others:
      raise ValueError(
        f'{self._output} has results of {len(others)} scans that are not in '
        f'this call, such as {others[0]}; name the same files as before, or '
        'another --output.'
      )

  def read(self, scan_id: str) -> dict[str, Any]:
    """Returns what `add` stored of a scan that is done.

    Raises:
      ValueError: its file is damaged.
    """
    remedy = 'Remove it and give the same command again.'
    content: dict[str, Any] = files.read_json(
      self._path(scan_id), remedy=remedy
    )
    return content

  def add(self, scan_id: str, content: Mapping[str, Any]) -> None:
    """Stores what is kept of a scan, after its own files were written."""
    files.write(self._path(scan_id), json.dumps(content).encode())

  def _path(self, scan_id: str) -> epath.Path:
    return self._folder / f'{scan_id}.json'


def check_same_call(
  found: Mapping[str, Any], call: Mapping[str, Any], output: pathlib.Path
) -> None:
  """Checks that a call is the one that began the results.

  Args:
    found: what was stored of that one.
    call: of this one.
    output: the folder of the results, for the message.

  Raises:
    ValueError: they differ. The message names in what.
  """
  # As it comes out of a file, with lists for tuples.
  call = json.loads(json.dumps(call))
  for name in {**call, **found}:
    if found.get(name) != call.get(name):
      raise ValueError(
        f'{output} holds an interrupted call with {name}={found.get(name)}, '
        f'and this one has {name}={call.get(name)}. Give the same options, or '
        'another --output.'
      )
