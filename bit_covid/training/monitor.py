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


class Monitor:
  """Writes `metrics.jsonl`, TensorBoard events and lines on the terminal.

  Used as a context manager; the files are closed at the end of the block.
  """

  def __init__(
    self,
    config: ml_collections.ConfigDict,
    workdir: epath.Path,
    learning_rate: optax.Schedule,
    steps_done: int,
  ):
    """Opens the log.

    Args:
      config: a resolved config.
      workdir: of the run.
      learning_rate: from the number of earlier updates to the learning rate.
      steps_done: the step of the checkpoint that was restored, or 0. What was
        logged after it is dropped from the log, as it is measured again.
    """
    self._config = config
    self._learning_rate = learning_rate
    self._first_step = steps_done + 1
    if steps_done:
      place = progress.format_path(workdir)
      progress.say(f'Going on from step {steps_done:,} in {place}')
    self._log = metric_log.MetricLog(
      workdir, restored_step=steps_done, is_writer=jax.process_index() == 0
    )
    self._speed = progress.Progress(
      last_step=config.schedule[-1], batch=config.batch
    )

  def __enter__(self) -> 'Monitor':
    return self

  def __exit__(self, *exception: object) -> None:
    self._log.close()

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
    """Logs the mean loss since the last time; returns the state with sum 0.

    Raises:
      FloatingPointError: the mean loss is NaN or infinite.
    """
    every = self._config.log_every
    loss = float(devices.to_host(state.loss_sum)) / (step % every or every)
    self.check_finite(step, loss)
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
    """Logs accuracy and loss of `eval_split`.

    Args:
      step: number of updates so far.
      params: parameter tree, replicated.
      examples: the split.
      forward: a function from `evaluate.make_forward`.
    """
    with self.paused():
      outputs = evaluate.evaluate(
        forward,
        params,
        examples,
        self._config.data,
        batch=self._config.eval_batch,
      )
      accuracy, loss = evaluate.accuracy_and_loss(outputs, examples.label)
      split = self._config.eval_split
      scalars = {f'{split}_accuracy': accuracy, f'{split}_loss': loss}
      self._log.write(step, scalars)
      progress.say(
        f'Step {step:,}: {split} accuracy {accuracy:.2%}, loss {loss:.4g}'
      )

  def check_finite(self, step: int, tree: Any) -> None:
    """Raises FloatingPointError if a number in a tree is NaN or infinite."""
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
