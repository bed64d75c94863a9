# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning and evaluation, from a config to a work directory.

    train.train_and_evaluate(config, 'runs/bit_m')

This is Algorithm 1 of the paper. A run that was interrupted resumes from its
last checkpoint when it is started again with the same config and work
directory.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
import contextlib
import os
from typing import Any, NamedTuple

from etils import epath
import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax

from bit_covid.base import checksums
from bit_covid.base import devices
from bit_covid.base import progress
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
from bit_covid.training import check_config
from bit_covid.training import checkpoints
from bit_covid.training import disk_space
from bit_covid.training import ledger
from bit_covid.training import loss as loss_lib
from bit_covid.training import map_evidence
from bit_covid.training import map_panels
from bit_covid.training import monitor as monitor_lib
from bit_covid.training import not_finite
from bit_covid.training import preemption
from bit_covid.training import run_directory
from bit_covid.training import run_lock
from bit_covid.training import schedule
from bit_covid.training import splits as splits_lib
from bit_covid.training import train_step
from bit_covid.weights import bit_npz
from bit_covid.weights import find
import input_pipeline


class Trained(NamedTuple):
  """Metrics and data of a training, by the split's name."""

  metrics: Mapping[str, Any]
  splits: Mapping[str, input_pipeline.Examples]


class _Run(NamedTuple):
  """What stays the same while a network is trained."""

  config: ml_collections.ConfigDict
  workdir: epath.Path
  splits: Mapping[str, input_pipeline.Examples]
  model: resnet_v2.ResNetV2
  forward: evaluate.ForwardFn


@run_lock.locks_workdir
def train_and_evaluate(
  config: ml_collections.ConfigDict,
  workdir: str | os.PathLike[str],
  *,
  max_minutes: float = 0,
  debug_nans: bool = False,
) -> Trained:
  """Returns metrics and data, after writing all files but the report.

  Args:
    config: see `configs/common.py`.
    workdir: a folder. An unfinished run of the same config in it is resumed.
    max_minutes: time limit of the training; 0: none.
    debug_nans: name the layer in which numbers are NaN or infinite first, which
      makes the training slower.

  Raises:
    ValueError: the config, the data or the checkpoint is invalid, or another
      process uses the folder. Raised before the first step, as is
      FileNotFoundError.
    OSError: a file could not be written, or the disk has no room for the run.
    FloatingPointError: the loss or a parameter became NaN or infinite.
    ImageError: an image broke meanwhile; the last step was saved.
    Stopped: by SIGINT, SIGTERM or the time limit; the last step was saved.
  """
  deadline = preemption.deadline(max_minutes)
  workdir = epath.Path(workdir).absolute()
  config = ml_collections.FrozenConfigDict(config)
  check_config.check(config)
  disk_space.check(config, workdir)
  splits = splits_lib.load(config)
  num_classes = len(splits['train'].class_names)
  config = schedule.resolve(
    config, num_slices=len(splits['train']), num_classes=num_classes
  )
  check_config.check_mixup(config)
  model = resnet_v2.create(
    config.model.name,
    num_classes=num_classes,
    dtype=jnp.dtype(config.model.dtype),
    remat=config.model.remat,
  )
  disk_space.check(config, workdir, splits)
  params = initial_params(config, model)
  run_directory.write_facts(config, workdir, splits)
  run = _Run(config, workdir, splits, model, evaluate.make_forward(model))
  state = _train(run, params, deadline, debug_nans=debug_nans)
  try:
    return Trained(_write_results(run, state.params), splits)
  except input_pipeline.ImageError as error:
    last_step = config.schedule[-1]
    remedy = preemption.how_to_go_on(workdir, last_step, of=last_step)
    raise input_pipeline.ImageError(f'{error} {remedy}') from error


def initial_params(
  config: ml_collections.ConfigDict, model: resnet_v2.ResNetV2
) -> Mapping[str, Any]:
  """Returns random parameters, or those of a checkpoint with a head of zeros.

  Raises:
    FileNotFoundError: the checkpoint does not exist.
    ValueError: the checkpoint is not one of this network.
  """
  if config.init == 'random':
    # The shapes of the parameters do not depend on the size of the images.
    images = jnp.zeros((1, 64, 64, 1), jnp.float32)
    key = jax.random.key(config.seed)
    return jax.jit(model.init)(key, images)['params']
  return bit_npz.load(
    find.find(config.init),
    model_name=config.model.name,
    num_classes=model.num_classes,
  ).params


def _train(
  run: _Run, params: Mapping[str, Any], deadline: float, *, debug_nans: bool
) -> train_step.TrainState:
  """Returns the replicated state after the last step.

  Steps are counted from 1 to `config.schedule[-1]`: after step `s`, `s` updates
  have been made. A run with a checkpoint of step `s` resumes at step `s + 1`.
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
    monitor = _monitor(run, learning_rate, done)
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
  run: _Run,
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
  run: _Run, optimizer: optax.GradientTransformation, *, debug_nans: bool
):
  loss = loss_lib.Loss(
    model=run.model, mixup_alpha=run.config.mixup_alpha, seed=run.config.seed
  )
  update = train_step.make_train_step(
    loss, optimizer, accumulation=run.config.accumulation
  )
  return not_finite.checked(update, loss) if debug_nans else update


def _monitor(
  run: _Run, learning_rate: optax.Schedule, steps_done: int
) -> monitor_lib.Monitor:
  return monitor_lib.Monitor(
    run.config, run.workdir, learning_rate, run.splits['train'], steps_done
  )


def _say_what_is_trained(run: _Run, params: Mapping[str, Any]) -> None:
  progress.say(
    f'{run.config.model.name} from {run.config.init}: '
    f'{resnet_v2.parameter_count(params):,} parameters; '
    f'{len(run.splits["train"]):,} training slices; '
    f'{jax.device_count()} x {jax.devices()[0].device_kind}'
  )


def _batches(run: _Run, steps_done: int) -> Generator[dict[str, np.ndarray]]:
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


def _write_results(run: _Run, params: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the metrics of the final splits; writes all results."""
  config, workdir = run.config, run.workdir
  metrics, tables = {}, {}
  for name in config.final_splits:
    examples = run.splits[name]
    outputs = evaluate.evaluate(
      run.forward, params, examples, config.data, batch=config.eval_batch
    )
    tables[name] = run_directory.predictions_table(examples, outputs)
    metrics[name] = run_directory.write_results(
      workdir, name, tables[name], outputs.features
    )
  if jax.process_index():
    return metrics  # The first host writes.
  params = devices.to_host(params)
  run_directory.save_model(
    config, workdir, params, run.splits['train'], tables.get('val')
  )
  digest = checksums.of_file(workdir / 'model.npz')
  for name in config.final_splits:
    ledger.add(
      workdir,
      name,
      checkpoint=digest,
      fingerprint=run.splits[name].fingerprint,
    )
  if tables and config.report:
    # Maps of the last final split.
    split = config.final_splits[-1]
    evaluated = map_panels.EvaluatedSplit(
      split, run.splits[split], tables[split], run.model, params, config
    )
    map_panels.write(workdir, evaluated)
    map_evidence.write(workdir, evaluated)
  return metrics
