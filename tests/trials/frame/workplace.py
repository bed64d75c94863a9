# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A folder in which commands run, and copies of it."""

from collections.abc import Callable
import pathlib
import shutil

from tests.trials.frame import attempt
from tests.trials.frame import moments

CommandFn = Callable[[pathlib.Path], int]


class Workplace:
  """The folder `area`, always at the same path, as results may contain it."""

  def __init__(self, scratch: pathlib.Path):
    """Uses other folders of `scratch` too; `area` does not exist yet."""
    self.area = scratch / 'area'
    self._scratch = scratch
    self._count = 0

  def reset(self, start: pathlib.Path | None) -> None:
    """Makes `area` a copy of a folder, or empty."""
    shutil.rmtree(self.area, ignore_errors=True)
    if start is None:
      self.area.mkdir()
    else:
      shutil.copytree(start, self.area)

  def keep(self) -> pathlib.Path:
    """Returns where `area` is kept from now on; it is there no more."""
    self._count += 1
    return self.area.rename(self._scratch / f'kept_{self._count}')

  def start(
    self, command: CommandFn, moment: moments.Moment = moments.NEVER
  ) -> attempt.Command:
    """Starts a command in `area`."""
    return attempt.Command(
      command,
      [self.area],
      folder=self.area,
      notes=self._scratch / 'notes',
      moment=moment,
    )

  def run(self, command: CommandFn) -> attempt.Ended:
    """Returns how a command ended that nothing disturbed.

    Raises:
      RuntimeError: it failed.
    """
    ended = self.start(command).wait()
    if ended.exit_code:
      raise RuntimeError(f'The undisturbed command failed: {ended.log}')
    return ended
