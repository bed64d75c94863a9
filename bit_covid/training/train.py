# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning and evaluation, from a config to a work directory.

    train.train_and_evaluate(config, 'runs/bit_m')

The paper's Algorithm 1. A run that was interrupted goes on from its last
checkpoint when it is started again with the same config and work directory.
"""

from collections.abc import Mapping
import contextlib
import os
from typing import Any, NamedTuple

from etils import epath
import jax
from jax.experimental import multihost_utils
import jax.numpy as jnp
import ml_collections
import numpy as np
import optax

from bit_covid.base import devices
from bit_covid.base import progress
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
from bit_covid.training import checkpoints
from bit_covid.training import map_evidence
from bit_covid.training import map_panels
from bit_covid.training import metric_log
from bit_covid.training import run_directory
from bit_covid.training import schedule
from bit_covid.training import train_step
from bit_covid.weights import bit_npz
from bit_covid.weights import find
import input_pipeline

_DTYPES = ('float32', 'bfloat16')


class Trained(NamedTuple):
  """What a training gives besides the files in its work directory.

  Attributes:
    metrics: metrics of each final split, by its name.
    splits: the data, by name of their split.
  """

  metrics: Mapping[str, Any]
  splits: Mapping[str, input_pipeline.Examples]


def train_and_evaluate(
  config: ml_collections.ConfigDict, workdir: str | os.PathLike[str]
) -> Trained:
  """Returns metrics and data, after training, evaluating and writing both.

  The report is written by `cli.train`, which calls this.

  Args:
    config: see `configs/common.py`.
    workdir: a folder; with an unfinished run of the same config in it, that
      run goes on.

  Raises:
    ValueError: config, data or checkpoint are not as they should be; nothing
      has been trained by then.
    FloatingPointError: the loss is not finite any more.
  """
  workdir = epath.Path(workdir).absolute()
  config = ml_collections.FrozenConfigDict(config)
  _check(config)
  splits = _load_splits(config)
  config = _resolve(config, splits['train'])
  class_names = splits['train'].class_names
  model = resnet_v2.create(
    config.model.name,
    num_classes=len(class_names),
    dtype=jnp.dtype(config.model.dtype),
    remat=config.model.remat,
  )
  params = initial_params(config, model)
  progress.say(
    f'{config.model.name} from {config.init}: '
    f'{resnet_v2.parameter_count(params):,} parameters; '
    f'{len(splits["train"]):,} training slices; '
    f'{jax.device_count()} x {jax.devices()[0].device_kind}'
  )
  run_directory.write_facts(config, workdir, splits)
  forward = evaluate.make_forward(model)
  state = _train(config, workdir, model, params, splits, forward)
  metrics = {
    name: run_directory.write_results(
      workdir,
      name,
      splits[name],
      evaluate.evaluate(
        forward,
        state.params,
        splits[name],
        config.data,
        batch=config.eval_batch,
      ),
    )
    for name in config.final_splits
  }
  if jax.process_index() == 0:
    params = devices.to_host(state.params)
    run_directory.save_model(config, workdir, params, splits['train'])
    if metrics and config.report:
      _write_maps(config, workdir, model, params, splits)
  return Trained(metrics, splits)


def _write_maps(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
) -> None:
  """Writes Grad-CAM maps of the last final split, and what speaks for them."""
  split = config.final_splits[-1]
  map_panels.write(
    workdir,
    split,
    splits[split],
    network=model,
    params=params,
    config=config.data,
  )
  map_evidence.write(
    workdir, split, splits[split], network=model, params=params, config=config
  )


def initial_params(
  config: ml_collections.ConfigDict, model: resnet_v2.ResNetV2
) -> Mapping[str, Any]:
  """Returns random parameters, or those of a checkpoint with a head of zeros.

  Raises:
    FileNotFoundError, ValueError: there is no such checkpoint, or it is not one
      of this network.
  """
  if config.init == 'random':
    # The side of the image is of no consequence for the parameters.
    images = jnp.zeros((1, 64, 64, 1), jnp.float32)
    key = jax.random.key(config.seed)
    return jax.jit(model.init)(key, images)['params']
  return bit_npz.load(
    find.find(config.init),
    model=config.model.name,
    num_classes=model.num_classes,
  ).params


def _check(config: ml_collections.ConfigDict) -> None:
  """Raises ValueError for what is wrong whatever the data are."""
  for name in ('batch', 'eval_batch', 'accumulation', 'log_every'):
    _check_at_least(1, f'config.{name}', config[name])
  _check_at_least(1, 'config.checkpoint_every', config.checkpoint_every)
  _check_at_least(0, 'config.eval_every', config.eval_every)
  _check_at_least(0, 'config.mixup_alpha', config.mixup_alpha)
  if config.model.name not in resnet_v2.MODELS:
    resnet_v2.create(config.model.name, num_classes=1)  # Says what is known.
  if config.model.dtype not in _DTYPES:
    raise ValueError(
      f'config.model.dtype is {config.model.dtype!r}; expected one of '
      f'{", ".join(_DTYPES)}.'
    )
  if config.schedule:
    schedule.check(config.schedule)
  devices.check_divides(
    'config.batch', config.batch, accumulation=config.accumulation
  )
  devices.check_divides('config.eval_batch', config.eval_batch)
  per_device = config.batch // jax.device_count()
  if config.mixup_alpha and per_device % 2:
    raise ValueError(
      f'Mixup pairs neighbours, but config.batch={config.batch} is '
      f'{per_device} slices a device. Make that even, or set '
      'config.mixup_alpha=0.'
    )
  if config.init != 'random' and not find.is_public_name(config.init):
    find.find(config.init)


def _check_at_least(least: int, name: str, value: float) -> None:
  if value < least:
    raise ValueError(f'{name} is {value}; expected {least} or more.')


def _load_splits(
  config: ml_collections.ConfigDict,
) -> dict[str, input_pipeline.Examples]:
  """Returns the splits that a run needs, checked against the config."""
  if jax.process_index():
    # The first host prepares a dataset; on a shared disk the others find it.
    multihost_utils.sync_global_devices('data are prepared')
  splits = {
    name: input_pipeline.load_split(config.data, name)
    for name in _needed_splits(config)
  }
  if jax.process_index() == 0 and jax.process_count() > 1:
    multihost_utils.sync_global_devices('data are prepared')
  input_pipeline.check_training(splits['train'], config.data)
  input_pipeline.check_boxes(splits['train'], config.data)
  for name in _evaluated_splits(config):
    input_pipeline.check_evaluation(splits[name], config.data)
  return splits


def _needed_splits(config: ml_collections.ConfigDict) -> list[str]:
  return list(dict.fromkeys(['train', *_evaluated_splits(config)]))


def _evaluated_splits(config: ml_collections.ConfigDict) -> list[str]:
  watched = [config.eval_split] if config.eval_every else []
  return [*config.final_splits, *watched]


def _resolve(
  config: ml_collections.ConfigDict, examples: input_pipeline.Examples
) -> ml_collections.ConfigDict:
  """Returns the config with BiT-HyperRule's values if it asks for them."""
  if config.schedule:
    return config
  per_class = config.data.per_class
  count = per_class * len(examples.class_names) or len(examples)
  resolved = ml_collections.ConfigDict(config)
  resolved.schedule = schedule.hyper_rule_schedule(count)
  resolved.mixup_alpha = schedule.hyper_rule_mixup_alpha(count)
  return ml_collections.FrozenConfigDict(resolved)


def _train(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
  forward: evaluate.ForwardFn,
) -> train_step.TrainState:
  """Returns the state after the last step; goes on from the last checkpoint."""
  last_step = config.schedule[-1]
  learning_rate = schedule.learning_rate(config.learning_rate, config.schedule)
  optimizer = optax.sgd(learning_rate, momentum=config.momentum)
  step_fn = train_step.make_train_step(
    model,
    optimizer,
    mixup_alpha=config.mixup_alpha,
    accumulation=config.accumulation,
    seed=config.seed,
  )
  with contextlib.ExitStack() as stack:
    saved = stack.enter_context(checkpoints.Checkpoints(workdir))
    state = saved.restore(train_step.create_state(params, optimizer))
    first_step = int(state.step)
    state = devices.replicate(state)
    if first_step:
      place = progress.format_path(workdir)
      progress.say(f'Going on from step {first_step:,} in {place}')
    log = stack.enter_context(
      metric_log.MetricLog(
        workdir,
        restored_step=first_step,
        is_writer=jax.process_index() == 0,
      )
    )
    speed = progress.Progress(last_step=last_step, batch=config.batch)
    dataset = input_pipeline.train_batches(
      splits['train'],
      config.data,
      batch=config.batch,
      seed=config.seed,
      first_step=first_step,
      end_step=last_step,
      host=jax.process_index(),
      num_hosts=jax.process_count(),
    )
    batches = stack.enter_context(
      contextlib.closing(input_pipeline.as_numpy(dataset))
    )
    for step, batch in enumerate(
      devices.put_ahead(batches), start=first_step + 1
    ):
      state = step_fn(state, batch)
      if step == first_step + 1:
        jax.block_until_ready(state)
        speed.start(step)
      if _is_due(step, config.log_every, last_step):
        state = _log_loss(config, state, step, learning_rate, log, speed)
      if config.eval_every and _is_due(step, config.eval_every, last_step):
        with speed.paused():
          _log_evaluation(config, state, step, splits, forward, log)
      if _is_due(step, config.checkpoint_every, last_step):
        with speed.paused():
          host_state = devices.to_host(state)
          # The last loss was of the parameters before the last update.
          _check_finite(host_state, step, config)
          saved.save(step, host_state)
  return state


def _is_due(step: int, every: int, last_step: int) -> bool:
  return step % every == 0 or step == last_step


def _log_loss(
  config: ml_collections.ConfigDict,
  state: train_step.TrainState,
  step: int,
  learning_rate: optax.Schedule,
  log: metric_log.MetricLog,
  speed: progress.Progress,
) -> train_step.TrainState:
  """Logs the mean loss since the last time; returns the state with sum 0."""
  steps = step % config.log_every or config.log_every
  loss = float(devices.to_host(state.loss_sum)) / steps
  _check_finite(loss, step, config)
  scalars = {
    'train_loss': loss,
    # Of the update that was made last: steps are counted from 0 there.
    'learning_rate': float(learning_rate(step - 1)),
  }
  log.write(step, scalars, speeds=speed.report(step, scalars))
  return state.replace(loss_sum=jnp.zeros_like(state.loss_sum))


def _log_evaluation(
  config: ml_collections.ConfigDict,
  state: train_step.TrainState,
  step: int,
  splits: Mapping[str, input_pipeline.Examples],
  forward: evaluate.ForwardFn,
  log: metric_log.MetricLog,
) -> None:
  split = config.eval_split
  outputs = evaluate.evaluate(
    forward,
    state.params,
    splits[split],
    config.data,
    batch=config.eval_batch,
  )
  accuracy, loss = evaluate.accuracy_and_loss(outputs, splits[split].label)
  log.write(step, {f'{split}_accuracy': accuracy, f'{split}_loss': loss})
  progress.say(
    f'Step {step:,}: {split} accuracy {accuracy:.2%}, loss {loss:.4g}'
  )


def _check_finite(
  tree: Any, step: int, config: ml_collections.ConfigDict
) -> None:
  """Raises FloatingPointError if a number in the tree is NaN or infinite."""
  if all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)):
    return
  first = (step - 1) // config.log_every * config.log_every + 1
  raise FloatingPointError(
    'Loss or parameters became NaN or infinite somewhere within the steps '
    f'{first} to {step}; the checkpoints before are sound. A smaller '
    f'config.learning_rate than {config.learning_rate}, a longer warm-up or '
    "config.model.dtype='float32' may help."
  )
