# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training states on disk, kept by Orbax: `<workdir>/checkpoints/<step>/`.

Each holds the checksums of its files, which are compared before it is restored.
A run resumes from one in `train`; the order of the slices follows from the step
alone, in `input_pipeline.order_and_augmentation`.
"""

from collections.abc import Iterator
import contextlib

from etils import epath
import jax
import numpy as np
import orbax.checkpoint as ocp

from bit_covid.base import checksums
from bit_covid.base import disk
from bit_covid.base import files
from bit_covid.base import hosts
from bit_covid.base import progress
from bit_covid.training import checkpoint_files
from bit_covid.training import orbax_errors
from bit_covid.training import shared_disk
from bit_covid.training import train_step

_SAME_FOLDER = (
  'Put the work directory on a disk that all hosts share, and look for what is '
  'wrong with it on the host that differs.'
)


class _DamagedError(ValueError):
  """A checkpoint is not as it was written."""


class Checkpoints(contextlib.AbstractContextManager):
  """The last two checkpoints of a run, written while the training goes on.

  The end of the `with` block waits until all checkpoints are written. It raises
  OSError if one could not be, as do `save` and `check`.
  """

  def __init__(self, workdir: epath.Path):
    folder = workdir / 'checkpoints'
    self._needed_bytes = 0
    self._is_saving = self._has_failed = False
    self._quiet = contextlib.ExitStack()
    self._quiet.enter_context(orbax_errors.not_printed())
    self._manager = ocp.CheckpointManager(
      folder,
      # Otherwise Orbax infers it from the latest one, which may be damaged.
      item_handlers=ocp.StandardCheckpointHandler(),
      options=ocp.CheckpointManagerOptions(
        max_to_keep=2,
        create=True,
        # Files of a save that was interrupted.
        cleanup_tmp_directories=True,
        temporary_path_class=checkpoint_files.with_checksums(folder),
      ),
    )

  def __exit__(self, *exception: object) -> None:
    try:
      self._wait()
    finally:
      # It raises no error that `_wait` has raised.
      self._manager.close()
      if self._has_failed:
        checkpoint_files.remove_unfinished(self._manager.directory)
      self._quiet.close()

  def check(self) -> None:
    """Raises the error of a save in the background, as soon as it has ended.

    Orbax's own `check_for_errors` misses it, as another thread of Orbax asks
    for it before.

    Raises:
      OSError: a checkpoint could not be written; the one before is intact.
    """
    if self._is_saving and not self._manager.is_saving_in_progress():
      self._wait()

  def _wait(self) -> None:
    with self._writing():
      self._manager.wait_until_finished()
    self._is_saving = False

  @contextlib.contextmanager
  def _writing(self) -> Iterator[None]:
    """Waits for the disk in its block, and leaves no half checkpoint.

    Raises:
      OSError: one could not be written; the error names the folder.
    """
    folder = self._manager.directory
    place = progress.format_path(folder)
    try:
      with (
        disk.writing(folder, self._needed_bytes),
        progress.said_if_slow(
          f'Still waiting for the disk to write a checkpoint to {place}.'
        ),
      ):
        yield
    except OSError:
      self._has_failed = True
      # What was written takes up the room that is missing.
      checkpoint_files.remove_unfinished(folder)
      raise

  def restore(self, state: train_step.TrainState) -> train_step.TrainState:
    """Returns the latest sound state as NumPy arrays, or `state` if none is.

    Damaged checkpoints after it are set aside, so that they are saved again.

    Raises:
      ValueError: all are damaged, or the saved state has other shapes.
    """
    # NumPy arrays, so that the run can resume on another number of devices.
    target = jax.tree.map(np.asarray, jax.device_get(state))
    damaged = {}
    for step in self._steps_seen_by_all():
      try:
        restored = self._restore(step, target)
      except _DamagedError as error:
        damaged[step] = str(error)
        continue
      self._set_aside(damaged, going_on_from=step)
      return restored
    if damaged:
      raise ValueError(
        f'No checkpoint in {self._manager.directory} is sound. '
        f'{"; ".join(f"{step}: {x}" for step, x in damaged.items())}. Restore '
        'one from a copy, or remove this folder to start anew.'
      )
    return target

  def _steps_seen_by_all(self) -> list[int]:
    """Returns the steps of the checkpoints, the latest first."""

    def view() -> str:
      self._manager.reload()
      steps = sorted(self._manager.all_steps(), reverse=True)
      return ', '.join(map(str, steps)) or 'none'

    steps = shared_disk.wait_until_same(view)[jax.process_index()]
    place = f'what {self._manager.directory} holds'
    hosts.check_same({place: steps}, remedy=_SAME_FOLDER)
    return [] if steps == 'none' else [int(x) for x in steps.split(', ')]

  def _restore(
    self, step: int, target: train_step.TrainState
  ) -> train_step.TrainState:
    folder = self._manager.directory / str(step)
    files.sweep(folder)
    is_checked, damage = False, ''
    try:
      is_checked = checksums.check_folder(folder)
    except ValueError as error:
      damage = str(error)
    # Before any host goes on to restore it, where it would wait for the others.
    state = damage or 'sound'
    hosts.check_same({f'checkpoint {step}': state}, remedy=_SAME_FOLDER)
    if damage:
      raise _DamagedError(damage)
    try:
      restored = self._manager.restore(
        step, args=ocp.args.StandardRestore(target)
      )
    except Exception as error:
      # Errors of Orbax and TensorStore on damaged files have no common class,
      # and speak of their own insides.
      if is_checked and isinstance(error, KeyError | TypeError | ValueError):
        raise ValueError(
          f'The checkpoint of step {step} in {self._manager.directory} is as '
          'it was written, but of another network or version of Orbax. Choose '
          'another work directory; --debug shows the cause.'
        ) from error
      if is_checked:
        raise
      raise _DamagedError('it cannot be read') from error
    if not is_checked:
      progress.say(
        f'{progress.format_path(folder)} has no checksums, as those of earlier '
        'versions: it is not checked.'
      )
    # Orbax restores the shape on the disk even if another one is expected.
    expected, found = jax.tree.map(np.shape, (target, restored))
    if expected != found:
      raise ValueError(
        f'The checkpoint of step {step} in {self._manager.directory} is of '
        'another network: the shapes differ. Choose another work directory.'
      )
    return restored

  def _set_aside(self, damaged: dict[int, str], *, going_on_from: int) -> None:
    for step, reason in damaged.items():
      folder = self._manager.directory / str(step)
      aside = folder.with_name(f'{step}.damaged')
      progress.say(
        f'Checkpoint {step} is damaged: {reason}. It is set aside as '
        f'{progress.format_path(aside)}, which may be removed; the run goes on '
        f'from checkpoint {going_on_from}.'
      )
      if jax.process_index() == 0:
        if aside.exists():
          aside.rmtree()
        folder.rename(aside)
    if damaged:
      # No host looks at the folders before the first one has renamed them.
      hosts.check_same({'renamed': True}, remedy='')
      self._manager.reload()

  def steps(self) -> list[int]:
    """Returns the steps of the checkpoints that there are."""
    return list(self._manager.all_steps())

  def save(self, step: int, state: train_step.TrainState) -> None:
    """Saves a state of NumPy arrays, unless its step was saved already.

    Orbax refuses arrays that only one of several hosts has.

    Raises:
      OSError: this one or the one before could not be written.
    """
    self._wait()
    self._needed_bytes = sum(x.nbytes for x in jax.tree.leaves(state))
    if self._manager.latest_step() != step:
      self._is_saving = True
      with self._writing():
        self._manager.save(step, args=ocp.args.StandardSave(state))
