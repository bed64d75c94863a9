# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Commands run on a disk that becomes full; they go on after room was made.

Each must end with exit code 1 and one line on stderr, and leave no half file.
The same command, given again when there is room, must end as if nothing had
happened. The disk is a tmpfs, whose size can be changed; mounting it takes the
rights of root.
"""

from collections.abc import Iterator
import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

from tests.trials import frame
from tests.trials.frame import attempt
from tests.trials.frame import commands
from tests.trials.frame import contents
from tests.trials.frame import workplace

_LARGE = 256 * 2**20
# Names of files and folders that a write leaves only if it was not finished.
_HALF = ('.*.partial', '*.orbax-checkpoint-tmp*', 'incomplete.*')


def _prepare_data(folder: pathlib.Path) -> int:
  from bit_covid.base import command

  return command.run(lambda: commands.prepare_data(folder), debug=False)


def _evaluate(folder: pathlib.Path) -> int:
  return commands.evaluate(folder, f'--output={folder}/evaluated')


def _export(folder: pathlib.Path) -> int:
  from bit_covid.export import command

  commands.use_small_network()
  return command.main(
    [f'{folder}/run', '--format=npz,stablehlo', f'--output={folder}/exported']
  )


def _predict(folder: pathlib.Path) -> int:
  from bit_covid import predict

  commands.use_small_network()
  # The input check knows real lungs.
  argv = [f'{folder}/scans/images', '--score_flagged']
  argv += [f'--checkpoint={folder}/run', f'--output={folder}/results']
  return predict.main(argv)


class _Scenario(NamedTuple):
  """A command on a disk that becomes full.

  Attributes:
    place: what is tried.
    command: a function from the folder to an exit code.
    start: a folder that it needs, to be copied; None for none.
    waits_for: the file after which the disk shrinks; None: before the start.
  """

  place: str
  command: workplace.CommandFn
  start: pathlib.Path | None = None
  waits_for: str | None = None


def run(
  *, amount: int = 60, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns a row for each command, with at least `amount` sizes of all."""
  del seed  # The sizes are spread evenly.
  with _disk(scratch / 'disk') as disk:
    place = _Place(scratch, disk)
    prepared = place.make(None, commands.prepare_data)
    # After it has compared the room of its disk with what it will need.
    train = _Scenario('train', commands.train, prepared, 'run/run.json')
    each = amount // 10
    rows = [_try_sizes(train, amount - 5 * each, place)]
    if not each:
      return rows
    trained = place.make(prepared, commands.train, commands.write_scans)
    unreported = pathlib.Path(shutil.copytree(trained, scratch / 'unreported'))
    shutil.rmtree(unreported / 'run' / 'report')
    others = (
      _Scenario('preparing data', _prepare_data),
      _Scenario('evaluate', _evaluate, trained),
      _Scenario('report', commands.report, unreported),
      _Scenario('predict', _predict, trained),
      _Scenario('export', _export, trained),
    )
    return rows + [_try_sizes(other, each, place) for other in others]


def _try_sizes(scenario: _Scenario, count: int, place: '_Place') -> frame.Row:
  """Returns what came of a command with several sizes of the disk."""
  row = frame.Row(place=scenario.place)
  place.reset(scenario.start)
  place.run(scenario.command)
  expected = contents.read(place.disk)
  needed = place.most_used - place.used_at_start
  for i in range(count):
    place.reset(scenario.start)
    room = round(needed * (i + 0.5) / count)
    ended = place.run(scenario.command, room=room, after=scenario.waits_for)
    if not ended.exit_code:
      continue  # It needed less than in the undisturbed run.
    row.tries += 1
    row.differences += _problems(ended, place.errors())
    row.strays += [x.name for y in _HALF for x in place.disk.rglob(y)]
    _remount(place.disk, _LARGE)
    ended = place.run(scenario.command)
    if ended.exit_code:
      row.differences.append(f'with room: exit code {ended.exit_code}')
    found = contents.read(place.disk)
    row.differences += contents.differences(expected, found)
    row.strays += contents.strays(expected, found)
    print(f'  {scenario.place}: {room:,} bytes', file=sys.stderr, flush=True)
  row.measured = f'up to {needed / 2**20:.1f} MiB'
  return row


def _problems(ended: attempt.Ended, errors: str) -> list[str]:
  """Returns what is wrong with the end of a command without room."""
  found = []
  if ended.exit_code != 1:
    found.append(f'exit code {ended.exit_code}')
  lines = errors.splitlines()
  if len(lines) != 1 or 'has no room on its disk' not in lines[0]:
    found.append(f'{len(lines)} lines on stderr: {errors[-500:]!r}')
  return found


class _Place:
  """Runs commands on the disk, and tells how much of it they used."""

  def __init__(self, scratch: pathlib.Path, disk: pathlib.Path):
    self.disk = disk
    self.most_used = self.used_at_start = 0
    self._scratch = scratch
    self._kept = 0

  def reset(self, start: pathlib.Path | None) -> None:
    """Gives the disk room, and makes it a copy of a folder, or empty."""
    _remount(self.disk, _LARGE)
    for path in self.disk.iterdir():
      shutil.rmtree(path)
    if start is not None:
      shutil.copytree(start, self.disk, dirs_exist_ok=True)

  def make(
    self, start: pathlib.Path | None, *functions: workplace.CommandFn
  ) -> pathlib.Path:
    """Returns a copy of what commands leave on the disk."""
    self.reset(start)
    for function in functions:
      ended = self.run(function)
      if ended.exit_code:
        raise RuntimeError(f'An undisturbed command failed: {ended.log}')
    self._kept += 1
    kept = self._scratch / f'kept_{self._kept}'
    return pathlib.Path(shutil.copytree(self.disk, kept))

  def run(
    self,
    function: workplace.CommandFn,
    *,
    room: int | None = None,
    after: str | None = None,
  ) -> attempt.Ended:
    """Returns how a command ended, on a disk with so much room.

    The disk shrinks when a file is there, or before the start.
    """
    self.used_at_start = self.most_used = _used(self.disk)
    if room is not None and after is None:
      _remount(self.disk, self.used_at_start + room)
    command = attempt.Command(
      _with_errors_apart,
      [function, self.disk, self._scratch / 'errors'],
      # Temporary files and compiled programs are on another disk.
      folder=self._scratch / 'elsewhere',
      notes=self._scratch / 'notes',
    )
    while command.is_alive():
      if room is not None and after and (self.disk / after).exists():
        _remount(self.disk, _used(self.disk) + room)
        after = None
      self.most_used = max(self.most_used, _used(self.disk))
      time.sleep(0.005)
    return command.wait()

  def errors(self) -> str:
    """Returns what the last command printed on stderr."""
    return (self._scratch / 'errors').read_text(errors='replace')


def _with_errors_apart(
  function: workplace.CommandFn, folder: pathlib.Path, errors: pathlib.Path
) -> int:
  os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
  return function(folder)


@contextlib.contextmanager
def _disk(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  folder.mkdir()
  _mount('-t', 'tmpfs', '-o', f'size={_LARGE}', 'tmpfs', str(folder))
  try:
    yield folder
  finally:
    subprocess.run(['umount', folder], check=True)


def _remount(folder: pathlib.Path, size: int) -> None:
  _mount('-o', f'remount,size={size}', str(folder))


def _mount(*arguments: str) -> None:
  subprocess.run(['mount', *arguments], check=True)


def _used(folder: pathlib.Path) -> int:
  status = os.statvfs(folder)
  return (status.f_blocks - status.f_bfree) * status.f_frsize
