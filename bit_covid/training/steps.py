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

from bit_covid.base import devices
from bit_covid.base import progress
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
from bit_covid.training import best as best_lib
from bit_covid.training import checkpoints
from bit_covid.training import loss as loss_lib
from bit_covid.training import monitor as monitor_lib
from bit_covid.training import not_finite
from bit_covid.training import optimizer as optimizer_lib
from bit_covid.training import preemption
from bit_covid.training import run_directory
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
) -> Mapping[str, Any]:
  """Returns the replicated parameters that are the result, after the last step.

  Steps are counted from 1 to `config.schedule[-1]`: after step `s`, `s` updates
  have been made. A run with a checkpoint of step `s` resumes at step `s + 1`.
  The facts of the run are written before the first step.

  Args:
    run: what is trained.
    params: the initial parameters. They are not kept, so a caller that does not
      keep them either has their memory free while the network is trained.
    deadline: of `preemption.deadline`.
    debug_nans: as in `train.train_and_evaluate`.

  Raises:
    FloatingPointError: the loss or a parameter became NaN or infinite.
    ImageError: an image broke meanwhile; the last step was saved.
    OSError: a file could not be written.
    Stopped: by a signal or the time limit; the last step was saved.
    ValueError: the folder holds a run of another config or of other data.
  """
  config = run.config
  run_directory.write_facts(config, run.workdir, run.splits)
  _say_what_is_trained(run, params)
  loss = _make_loss(run)
  optimizer, learning_rate = optimizer_lib.make(config)
  update = train_step.make_train_step(
    loss, optimizer, accumulation=config.accumulation
  )
  if debug_nans:
    update = not_finite.checked(update, loss)
  last_step = config.schedule[-1]
  with (
    preemption.Stopper(
      run.workdir, last_step=last_step, deadline=deadline
    ) as stopper,
    checkpoints.Checkpoints(run.workdir) as saved,
  ):
    state = saved.restore(train_step.create_state(params, optimizer))
    del params
    done = int(state.step)
    state = devices.replicate(state)
    monitor = monitor_lib.Monitor(
      config,
      run.workdir,
      learning_rate,
      run.splits['train'],
      done,
      guessing_loss=loss.of_guessing(_class_counts(run)),
    )
    best = best_lib.Best(config, run.workdir, done)
    with contextlib.closing(_batches(run, done)) as batches:
      state = _take_steps(
        run,
        state,
        batches,
        done=done,
        update=update,
        monitor=monitor,
        best=best,
        stopper=stopper,
        saved=saved,
      )
  return best.result(state.params)


def _take_steps(
  run: Run,
  state: train_step.TrainState,
  batches: Iterator[input_pipeline.Batch],
  *,
  done: int,
  update: Callable[..., tuple[train_step.TrainState, jax.Array]],
  monitor: monitor_lib.Monitor,
  best: best_lib.Best,
  stopper: preemption.Stopper,
  saved: checkpoints.Checkpoints,
) -> train_step.TrainState:
  """Returns the state after the last step, from the one after `done` steps.

  The last step is that of the schedule, or an earlier one by
  `config.early_stop`.

  Raises:
    ImageError: an image broke; the step before was saved.
  """
  config, step = run.config, done

  def save():
    with monitor.paused():
      saved.save(step, monitor.finite_on_host(step, state))
      best.prune(saved.steps())

  def evaluate_split():
    examples = run.splits[config.eval_split]
    measures = monitor.log_evaluation(step, state.params, examples, run.forward)
    best.add(step, measures, state.params)

  try:
    if done and monitor.lacks_evaluation(done):
      evaluate_split()
    if best.is_over():
      return state
    on_devices = devices.prefetch_to_device(batches)
    for step, batch in enumerate(on_devices, start=done + 1):
      state, gradient_norm = update(state, batch)
      saved.check()
      monitor.after_update(step, state, batch)
      if monitor.is_due(step, config.log_every):
        state = monitor.log_loss(step, state, gradient_norm)
      if monitor.is_due(step, config.eval_every):
        evaluate_split()
      stops = stopper.is_due(step) or best.is_over()
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


def _make_loss(run: Run) -> loss_lib.Loss:
  config, weights = run.config, None
  if config.balance_classes:
    weights = loss_lib.balanced_weights(_class_counts(run))
  return loss_lib.Loss(
    model=run.model,
    mixup_alpha=config.mixup_alpha,
    seed=config.seed,
    label_smoothing=config.label_smoothing,
    class_weights=weights,
    head_only=config.train_head_only,
  )


def _class_counts(run: Run) -> np.ndarray:
  """Returns how often each class is drawn, `[C]`, in any unit."""
  examples = run.splits['train']
  num_classes = len(examples.class_names)
  if run.config.data.per_class:
    return np.ones(num_classes)
  return np.bincount(examples.label, minlength=num_classes)


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
