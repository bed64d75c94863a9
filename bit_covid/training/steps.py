# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The steps of a training, with all that happens between two of them."""

from collections.abc import Callable, Generator, Iterator, Mapping
import contextlib
from typing import Any, NamedTuple

from etils import epath
import jax
import ml_collections
import numpy as np
import optax

from bit_covid.base import devices
from bit_covid.base import progress
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
from bit_covid.training import checkpoints
from bit_covid.training import loss as loss_lib
from bit_covid.training import monitor as monitor_lib
from bit_covid.training import not_finite
from bit_covid.training import preemption
from bit_covid.training import schedule
from bit_covid.training import train_step
import input_pipeline


class Run(NamedTuple):
  """What stays the same while a network is trained."""

  config: ml_collections.ConfigDict
  workdir: epath.Path
  splits: Mapping[str, input_pipeline.Examples]
  model: resnet_v2.ResNetV2
  forward: evaluate.ForwardFn


def take(
  run: Run, params: Mapping[str, Any], deadline: float, *, debug_nans: bool
) -> train_step.TrainState:
  """Returns the replicated state after the last step.

  Steps are counted from 1 to `config.schedule[-1]`: after step `s`, `s` updates
  have been made. A run with a checkpoint of step `s` resumes at step `s + 1`.

  Args:
    run: what is trained.
    params: the initial parameters.
    deadline: of `preemption.deadline`.
    debug_nans: as in `train.train_and_evaluate`.

  Raises:
    FloatingPointError: the loss or a parameter became NaN or infinite.
    ImageError: an image broke meanwhile; the last step was saved.
    OSError: a file could not be written.
    Stopped: by a signal or the time limit; the last step was saved.
  """
  config = run.config
  _say_what_is_trained(run, params)
  learning_rate = schedule.learning_rate(config.learning_rate, config.schedule)
  optimizer = optax.sgd(learning_rate, momentum=config.momentum)
  update = _make_update(run, optimizer, debug_nans=debug_nans)
  last_step = config.schedule[-1]
  with (
    preemption.Stopper(
      run.workdir, last_step=last_step, deadline=deadline
    ) as stopper,
    checkpoints.Checkpoints(run.workdir) as saved,
  ):
    state = saved.restore(train_step.create_state(params, optimizer))
    done = int(state.step)
    state = devices.replicate(state)
    monitor = monitor_lib.Monitor(
      config, run.workdir, learning_rate, run.splits['train'], done
    )
    with contextlib.closing(_batches(run, done)) as batches:
      return _take_steps(
        run,
        state,
        batches,
        done=done,
        update=update,
        monitor=monitor,
        stopper=stopper,
        saved=saved,
      )


def _take_steps(
  run: Run,
  state: train_step.TrainState,
  batches: Iterator[input_pipeline.Batch],
  *,
  done: int,
  update: Callable[..., tuple[train_step.TrainState, jax.Array]],
  monitor: monitor_lib.Monitor,
  stopper: preemption.Stopper,
  saved: checkpoints.Checkpoints,
) -> train_step.TrainState:
  """Returns the state after the last step, from the one after `done` steps.

  Raises:
    ImageError: an image broke; the step before was saved.
  """
  config, step = run.config, done

  def save():
    with monitor.paused():
      saved.save(step, monitor.finite_on_host(step, state))

  def evaluate_split():
    examples = run.splits[config.eval_split]
    monitor.log_evaluation(step, state.params, examples, run.forward)

  try:
    if done and monitor.lacks_evaluation(done):
      evaluate_split()
    on_devices = devices.prefetch_to_device(batches)
    for step, batch in enumerate(on_devices, start=done + 1):
      state, gradient_norm = update(state, batch)
      saved.check()
      monitor.after_update(step, state, batch)
      if monitor.is_due(step, config.log_every):
        state = monitor.log_loss(step, state, gradient_norm)
      if monitor.is_due(step, config.eval_every):
        evaluate_split()
      stops = stopper.is_due(step)
      if stops or monitor.is_due(step, config.checkpoint_every):
        save()
      if stops:
        break
  except input_pipeline.ImageError as error:
    # Several hosts save together, and the others do not know of the image.
    is_saved = jax.process_count() == 1
    if is_saved and step > done:
      save()
    after = step if is_saved else 0
    remedy = preemption.how_to_go_on(run.workdir, after, of=config.schedule[-1])
    raise input_pipeline.ImageError(f'{error} {remedy}') from error
  return state


def _make_update(
  run: Run, optimizer: optax.GradientTransformation, *, debug_nans: bool
):
  loss = loss_lib.Loss(
    model=run.model, mixup_alpha=run.config.mixup_alpha, seed=run.config.seed
  )
  update = train_step.make_train_step(
    loss, optimizer, accumulation=run.config.accumulation
  )
  return not_finite.checked(update, loss) if debug_nans else update


def _say_what_is_trained(run: Run, params: Mapping[str, Any]) -> None:
  progress.say(
    f'{run.config.model.name} from {run.config.init}: '
    f'{resnet_v2.parameter_count(params):,} parameters; '
    f'{len(run.splits["train"]):,} training slices; '
    f'{jax.device_count()} x {jax.devices()[0].device_kind}'
  )


def _batches(run: Run, steps_done: int) -> Generator[dict[str, np.ndarray]]:
  """Returns the batches of the remaining steps."""
  dataset = input_pipeline.train_batches(
    run.splits['train'],
    run.config.data,
    batch=run.config.batch,
    seed=run.config.seed,
    # The input pipeline counts from 0: step `s` gets batch `s - 1`.
    first_step=steps_done,
    end_step=run.config.schedule[-1],
    host=jax.process_index(),
    num_hosts=jax.process_count(),
  )
  return input_pipeline.as_numpy(dataset)
