# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures a training while it runs, logs it, and stops it if it diverges."""

from collections.abc import Mapping
import contextlib
import math
from typing import Any, NamedTuple

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


class _Update(NamedTuple):
  """What is kept of an update until its loss has been checked."""

  step: int
  loss_sum: jax.Array
  index: jax.Array


class Monitor:
  """Writes `metrics.jsonl`, TensorBoard events and lines on the terminal."""

  def __init__(
    self,
    config: ml_collections.ConfigDict,
    workdir: epath.Path,
    learning_rate: optax.Schedule,
    train_examples: input_pipeline.Examples,
    steps_done: int,
    *,
    guessing_loss: float,
  ):
    """Opens the log of a run that was restored after `steps_done` steps, or 0.

    What was logged later is dropped from the log, as it is measured again. The
    loss of guessing is what a training loss has to be below.
    """
    self._config = config
    self._learning_rate = learning_rate
    self._train_examples = train_examples
    self._guessing_loss = guessing_loss
    self._saved_step = steps_done
    self._update = None
    self._first_step = steps_done + 1
    self._last_step = config.schedule[-1]
    if steps_done:
      place = progress.format_path(workdir)
      progress.say(f'Going on from step {steps_done:,} in {place}')
    self._log_path = workdir / 'metrics.jsonl'
    self._log = metric_log.MetricLog(
      workdir, restored_step=steps_done, is_writer=jax.process_index() == 0
    )
    self._speed = progress.Progress(
      last_step=self._last_step, batch=config.batch
    )

  def is_due(self, step: int, every: int) -> bool:
    """Returns whether to act at a step: every so often, and at the last one."""
    return every > 0 and (step % every == 0 or step == self._last_step)

  def lacks_evaluation(self, step: int) -> bool:
    """Returns whether the evaluation of a step that was saved is still to do.

    An image that could not be read may have stopped it.
    """
    name = f'{self._config.eval_split}_loss'
    rows = metric_log.read(self._log_path)
    return self.is_due(step, self._config.eval_every) and not any(
      row['step'] == step and name in row for row in rows
    )

  def after_update(
    self,
    step: int,
    state: train_step.TrainState,
    batch: Mapping[str, jax.Array],
  ) -> None:
    """Checks the loss of the update before, and keeps that of this one.

    So the devices work on an update while the host waits for the one before.
    After the first update, which includes compiling, the clock starts.

    Raises:
      FloatingPointError: the loss was NaN or infinite.
    """
    if step == self._first_step:
      jax.block_until_ready(state)
      self._speed.start(step)
    self._check_loss()
    # A copy, as the next update takes the memory of the state.
    loss_sum = jnp.copy(state.loss_sum.addressable_shards[0].data)
    self._update = _Update(step, loss_sum, batch['index'])

  def paused(self) -> contextlib.AbstractContextManager[None]:
    """Returns a context whose time does not count as time of training steps."""
    return self._speed.paused()

  def log_loss(
    self, step: int, state: train_step.TrainState, gradient_norm: jax.Array
  ) -> train_step.TrainState:
    """Returns the state with a loss sum of 0, after logging the mean loss.

    The gradient norm is that of this step, not a mean.

    Raises:
      FloatingPointError: the loss is NaN or infinite.
    """
    self._check_loss()
    every = self._config.log_every
    loss = float(devices.to_host(state.loss_sum)) / (step % every or every)
    scalars = {
      'train_loss': loss,
      'gradient_norm': float(devices.to_host(gradient_norm)),
      # The rate of the latest update. The schedule counts updates from 0.
      'learning_rate': float(self._learning_rate(step - 1)),
    }
    self._log.write(step, scalars, speeds=self._speed.report(step, scalars))
    if step == self._last_step:
      self._compare_with_guessing(loss)
    return state.replace(loss_sum=jnp.zeros_like(state.loss_sum))

  def log_evaluation(
    self,
    step: int,
    params: Mapping[str, Any],
    examples: input_pipeline.Examples,
    forward: evaluate.ForwardFn,
  ) -> Mapping[str, float]:
    """Returns accuracy and loss of `eval_split`, after logging them.

    The parameters are replicated.

    Raises:
      FloatingPointError: a loss is NaN or infinite.
    """
    self._check_loss()
    split, data = self._config.eval_split, self._config.data
    with self.paused():
      outputs = evaluate.evaluate(
        forward, params, examples, data, batch=self._config.eval_batch
      )
      accuracy, loss = evaluate.accuracy_and_loss(outputs, examples.label)
      if not math.isfinite(loss):
        raise self._diverged(f'The loss of {split} is {loss} after')
      self._log.write(
        step, {f'{split}_accuracy': accuracy, f'{split}_loss': loss}
      )
      progress.say(
        f'Step {step:,}: {split} accuracy {accuracy:.2%}, loss {loss:.4g}'
      )
    return {'accuracy': accuracy, 'loss': loss}

  def finite_on_host(
    self, step: int, state: train_step.TrainState
  ) -> train_step.TrainState:
    """Returns the state as NumPy arrays, to be saved.

    The loss predates the latest update, so the parameters are checked.

    Raises:
      FloatingPointError: a number is NaN or infinite.
    """
    self._check_loss()
    host_state = devices.to_host(state)
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(host_state)):
      raise self._diverged('Parameters are NaN or infinite after')
    self._saved_step = step
    return host_state

  def _check_loss(self) -> None:
    if self._update is not None:
      loss = float(self._update.loss_sum)
      if not math.isfinite(loss):
        raise self._diverged(f'The loss is {loss} in')

  def _diverged(self, what: str) -> FloatingPointError:
    """Returns the error of the latest step, after naming its slices."""
    step = self._saved_step
    # None in an evaluation of the restored step.
    if self._update is not None:
      step, _, index = self._update
      names = self._train_examples.slice_id[np.ravel(index)]
      progress.say(f'Slices of step {step:,}: {", ".join(names)}')
    checkpoint = 'No checkpoint was saved before.'
    if self._saved_step:
      checkpoint = (
        f'The checkpoint of step {self._saved_step:,} was finite when it was '
        'saved.'
      )
    return FloatingPointError(
      f'{what} step {step:,}, at a learning rate of '
      f'{float(self._learning_rate(step - 1)):.3g}; its slices are listed '
      f'above. {checkpoint} A smaller config.learning_rate than '
      f'{self._config.learning_rate}, a longer warm-up or '
      "config.model.dtype='float32' may help."
    )

  def _compare_with_guessing(self, loss: float) -> None:
    """Says if the last loss is no better than that of the classes' shares."""
    guessing = self._guessing_loss
    if loss >= guessing:
      progress.say(
        f'Nothing was learned: the last training loss, {loss:.4g}, is not '
        f'below that of guessing, {guessing:.4g}. Another '
        'config.learning_rate or a longer config.schedule may help.'
      )
