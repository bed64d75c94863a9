# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training states on disk, kept by Orbax: `<workdir>/checkpoints/<step>/`."""

from etils import epath
import jax
import numpy as np
import orbax.checkpoint as ocp

from bit_covid.training import train_step


class Checkpoints:
  """The checkpoints of a run; the last two are kept.

  Used as a context manager: the end of the block waits for what is being
  written.
  """

  def __init__(self, workdir: epath.Path):
    self._manager = ocp.CheckpointManager(
      workdir / 'checkpoints',
      options=ocp.CheckpointManagerOptions(
        max_to_keep=2,
        create=True,
        # Remains of a save that was cut short.
        cleanup_tmp_directories=True,
      ),
    )

  def __enter__(self) -> 'Checkpoints':
    return self

  def __exit__(self, *exception: object) -> None:
    self._manager.close()

  def restore(self, state: train_step.TrainState) -> train_step.TrainState:
    """Returns the latest saved state, or the one given if there is none.

    Args:
      state: of the shapes and dtypes to expect.

    Raises:
      ValueError: what was saved has others.
    """
    step = self._manager.latest_step()
    # As NumPy arrays: how many devices there were does not matter.
    target = jax.tree.map(np.asarray, jax.device_get(state))
    if step is None:
      return target
    restored = self._manager.restore(
      step, args=ocp.args.StandardRestore(target)
    )
    # Orbax takes an array's shape from the disk, whatever was expected.
    expected, found = jax.tree.map(np.shape, (target, restored))
    if expected != found:
      raise ValueError(
        f'The checkpoint of step {step} in {self._manager.directory} is of '
        'another network: the shapes differ. Choose another work directory.'
      )
    return restored

  def save(self, step: int, state: train_step.TrainState) -> None:
    """Saves a state of NumPy arrays, unless that step is saved already.

    Of NumPy arrays, as Orbax refuses those that one of several hosts made.
    """
    if self._manager.latest_step() != step:
      self._manager.save(step, args=ocp.args.StandardSave(state))
