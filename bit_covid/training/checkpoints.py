# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training states on disk, kept by Orbax: `<workdir>/checkpoints/<step>/`."""

import contextlib

from etils import epath
import jax
import numpy as np
import orbax.checkpoint as ocp

from bit_covid.training import train_step


class Checkpoints(contextlib.AbstractContextManager):
  """The last two checkpoints of a run.

  The end of the `with` block waits until all checkpoints are written.
  """

  def __init__(self, workdir: epath.Path):
    self._manager = ocp.CheckpointManager(
      workdir / 'checkpoints',
      options=ocp.CheckpointManagerOptions(
        max_to_keep=2,
        create=True,
        # Files of a save that was interrupted.
        cleanup_tmp_directories=True,
      ),
    )

  def __exit__(self, *exception: object) -> None:
    self._manager.close()

  def restore(self, state: train_step.TrainState) -> train_step.TrainState:
    """Returns the latest saved state as NumPy arrays, or `state` if none is.

    Raises:
      ValueError: the saved state has other shapes.
    """
    step = self._manager.latest_step()
    # NumPy arrays, so that the run can resume on another number of devices.
    target = jax.tree.map(np.asarray, jax.device_get(state))
    if step is None:
      return target
    restored = self._manager.restore(
      step, args=ocp.args.StandardRestore(target)
    )
    # Orbax restores the shape on the disk even if another one is expected.
    expected, found = jax.tree.map(np.shape, (target, restored))
    if expected != found:
      raise ValueError(
        f'The checkpoint of step {step} in {self._manager.directory} is of '
        'another network: the shapes differ. Choose another work directory.'
      )
    return restored

  def save(self, step: int, state: train_step.TrainState) -> None:
    """Saves a state of NumPy arrays, unless its step was saved already.

    Orbax refuses arrays that only one of several hosts has.
    """
    if self._manager.latest_step() != step:
      self._manager.save(step, args=ocp.args.StandardSave(state))
