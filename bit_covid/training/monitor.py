# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures a training while it runs, logs it, and stops it if it diverges."""

from collections.abc import Mapping
import contextlib
from typing import Any

from etils import epath
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax

from bit_covid.base import devices
from bit_covid.base import progress
from bit_covid.inference import evaluate
from bit_covid.training import metric_log
from bit_covid.training import train_step
import input_pipeline


class Monitor(contextlib.AbstractContextManager):
  """Writes `metrics.jsonl`, TensorBoard events and lines on the terminal.

  The files are closed at the end of the `with` block.
  """

  def __init__(
    self,
    config: ml_collections.ConfigDict,
    workdir: epath.Path,
    learning_rate: optax.Schedule,
    steps_done: int,
  ):
    """Opens the log of a run that was restored after `steps_done` steps, or 0.

    What was logged later is dropped from the log, as it is measured again.
    """
    self._config = config
    self._learning_rate = learning_rate
    self._first_step = steps_done + 1
    self._last_step = config.schedule[-1]
    if steps_done:
      place = progress.format_path(workdir)
      progress.say(f'Going on from step {steps_done:,} in {place}')
    self._log = metric_log.MetricLog(
      workdir, restored_step=steps_done, is_writer=jax.process_index() == 0
    )
    self._speed = progress.Progress(
      last_step=self._last_step, batch=config.batch
    )

  def __exit__(self, *exception: object) -> None:
    self._log.close()

  def is_due(self, step: int, every: int) -> bool:
    """Returns whether to act at a step: every so often, and at the last one."""
    return every > 0 and (step % every == 0 or step == self._last_step)

  def after_update(self, step: int, state: train_step.TrainState) -> None:
    """Starts the clock after the first update, which includes compiling."""
    if step == self._first_step:
      jax.block_until_ready(state)
      self._speed.start(step)

  def paused(self) -> contextlib.AbstractContextManager[None]:
    """Returns a context whose time does not count as time of training steps."""
    return self._speed.paused()

  def log_loss(
    self, step: int, state: train_step.TrainState
  ) -> train_step.TrainState:
    """Returns the state with a loss sum of 0, after logging the mean loss.

    Raises:
      FloatingPointError: the mean loss is NaN or infinite.
    """
    every = self._config.log_every
    loss = float(devices.to_host(state.loss_sum)) / (step % every or every)
    self._check_finite(step, loss)
    scalars = {
      'train_loss': loss,
      # The rate of the latest update. The schedule counts updates from 0.
      'learning_rate': float(self._learning_rate(step - 1)),
    }
    self._log.write(step, scalars, speeds=self._speed.report(step, scalars))
    return state.replace(loss_sum=jnp.zeros_like(state.loss_sum))

  def log_evaluation(
    self,
    step: int,
    params: Mapping[str, Any],
    examples: input_pipeline.Examples,
    forward: evaluate.ForwardFn,
  ) -> None:
    """Logs accuracy and loss of `eval_split`, for replicated parameters."""
    split, data = self._config.eval_split, self._config.data
    with self.paused():
      outputs = evaluate.evaluate(
        forward, params, examples, data, batch=self._config.eval_batch
      )
      accuracy, loss = evaluate.accuracy_and_loss(outputs, examples.label)
      self._log.write(
        step, {f'{split}_accuracy': accuracy, f'{split}_loss': loss}
      )
      progress.say(
        f'Step {step:,}: {split} accuracy {accuracy:.2%}, loss {loss:.4g}'
      )

  def finite_on_host(
    self, step: int, state: train_step.TrainState
  ) -> train_step.TrainState:
    """Returns the state as NumPy arrays, to be saved.

    The logged loss predates the latest update, so the parameters are checked.

    Raises:
      FloatingPointError: a number is NaN or infinite.
    """
    host_state = devices.to_host(state)
    self._check_finite(step, host_state)
    return host_state

  def _check_finite(self, step: int, tree: Any) -> None:
    if all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)):
      return
    every = self._config.log_every
    raise FloatingPointError(
      'Loss or parameters became NaN or infinite somewhere within the steps '
      f'{(step - 1) // every * every + 1} to {step}; the checkpoints before '
      'are sound. A smaller config.learning_rate than '
      f'{self._config.learning_rate}, a longer warm-up or '
      "config.model.dtype='float32' may help."
    )
