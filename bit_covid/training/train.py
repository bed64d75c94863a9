# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning and evaluation, from a config to a work directory.

    train.train_and_evaluate(config, 'runs/bit_m')

This is Algorithm 1 of the paper. A run that was interrupted resumes from its
last checkpoint when it is started again with the same config and work
directory.
"""

from collections.abc import Iterator, Mapping
import contextlib
import os
from typing import Any, NamedTuple

from etils import epath
import jax
import jax.numpy as jnp
import ml_collections
import optax

from bit_covid.base import devices
from bit_covid.base import progress
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
from bit_covid.training import check_config
from bit_covid.training import checkpoints
from bit_covid.training import map_evidence
from bit_covid.training import map_panels
from bit_covid.training import monitor as monitor_lib
from bit_covid.training import run_directory
from bit_covid.training import schedule
from bit_covid.training import splits as splits_lib
from bit_covid.training import train_step
from bit_covid.weights import bit_npz
from bit_covid.weights import find
import input_pipeline


class Trained(NamedTuple):
  """The results of a training besides the files in its work directory.

  Attributes:
    metrics: metrics of each final split, by the split's name.
    splits: the data, by the split's name.
  """

  metrics: Mapping[str, Any]
  splits: Mapping[str, input_pipeline.Examples]


def train_and_evaluate(
  config: ml_collections.ConfigDict, workdir: str | os.PathLike[str]
) -> Trained:
  """Trains and evaluates a network, writes all files, and returns the metrics.

  The report is written by `cli.train`, which calls this function.

  Args:
    config: see `configs/common.py`.
    workdir: a folder. If it holds an unfinished run of the same config, that
      run is resumed.

  Raises:
    ValueError: the config, the data or the checkpoint is invalid. Raised before
      the first step.
    FileNotFoundError: the data or the checkpoint does not exist. Raised before
      the first step.
    FloatingPointError: the loss or a parameter became NaN or infinite.
  """
  workdir = epath.Path(workdir).absolute()
  config = ml_collections.FrozenConfigDict(config)
  check_config.check(config)
  splits = splits_lib.load(config)
  config = schedule.resolve(
    config,
    num_slices=len(splits['train']),
    num_classes=len(splits['train'].class_names),
  )
  check_config.check_mixup(config)
  model = resnet_v2.create(
    config.model.name,
    num_classes=len(splits['train'].class_names),
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
  metrics = _write_results(
    config, workdir, model, state.params, splits, forward
  )
  return Trained(metrics, splits)


def initial_params(
  config: ml_collections.ConfigDict, model: resnet_v2.ResNetV2
) -> Mapping[str, Any]:
  """Returns random parameters, or those of a checkpoint with a head of zeros.

  Args:
    config: its fields `init`, `seed` and `model.name` are read.
    model: the network.

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
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
  forward: evaluate.ForwardFn,
) -> train_step.TrainState:
  """Returns the replicated state after the last step.

  Steps are counted from 1 to `config.schedule[-1]`: after step `s`, `s` updates
  have been made. A run with a checkpoint of step `s` resumes at step `s + 1`.
  """
  last_step = config.schedule[-1]
  learning_rate = schedule.learning_rate(config.learning_rate, config.schedule)
  optimizer = optax.sgd(learning_rate, momentum=config.momentum)
  update = train_step.make_train_step(
    model,
    optimizer,
    mixup_alpha=config.mixup_alpha,
    accumulation=config.accumulation,
    seed=config.seed,
  )

  def is_due(step: int, every: int) -> bool:
    return every > 0 and (step % every == 0 or step == last_step)

  with checkpoints.Checkpoints(workdir) as saved:
    state = saved.restore(train_step.create_state(params, optimizer))
    steps_done = int(state.step)
    state = devices.replicate(state)
    with (
      monitor_lib.Monitor(
        config, workdir, learning_rate, steps_done
      ) as monitor,
      _open_batches(config, splits['train'], steps_done) as batches,
    ):
      for step, batch in enumerate(batches, start=steps_done + 1):
        state = update(state, batch)
        monitor.after_update(step, state)
        if is_due(step, config.log_every):
          state = monitor.log_loss(step, state)
        if is_due(step, config.eval_every):
          examples = splits[config.eval_split]
          monitor.log_evaluation(step, state.params, examples, forward)
        if is_due(step, config.checkpoint_every):
          with monitor.paused():
            host_state = devices.to_host(state)
            # The logged loss predates this update, so the updated parameters
            # are checked before they are saved.
            monitor.check_finite(step, host_state)
            saved.save(step, host_state)
  return state


@contextlib.contextmanager
def _open_batches(
  config: ml_collections.ConfigDict,
  examples: input_pipeline.Examples,
  steps_done: int,
) -> Iterator[Iterator[Mapping[str, jax.Array]]]:
  """Opens the batches of the remaining steps, on the devices of this host.

  The input pipeline counts from 0: step `s` gets batch `s - 1`.

  Yields:
    An iterator over the batches.
  """
  dataset = input_pipeline.train_batches(
    examples,
    config.data,
    batch=config.batch,
    seed=config.seed,
    first_step=steps_done,  # Inclusive; `end_step` is exclusive.
    end_step=config.schedule[-1],
    host=jax.process_index(),
    num_hosts=jax.process_count(),
  )
  with contextlib.closing(input_pipeline.as_numpy(dataset)) as batches:
    yield devices.prefetch_to_device(batches)


def _write_results(
  config: ml_collections.ConfigDict,
  workdir: epath.Path,
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  splits: Mapping[str, input_pipeline.Examples],
  forward: evaluate.ForwardFn,
) -> dict[str, Any]:
  """Evaluates the final splits, writes all results and returns the metrics.

  `params` are replicated. Grad-CAM maps are those of the last final split.
  """
  metrics, tables = {}, {}
  for name in config.final_splits:
    outputs = evaluate.evaluate(
      forward, params, splits[name], config.data, batch=config.eval_batch
    )
    tables[name] = run_directory.predictions_table(splits[name], outputs)
    metrics[name] = run_directory.write_results(
      workdir, name, tables[name], outputs.features
    )
  if jax.process_index():
    return metrics  # The first host writes.
  params = devices.to_host(params)
  run_directory.save_model(
    config, workdir, params, splits['train'], tables.get('val')
  )
  if tables and config.report:
    split = config.final_splits[-1]
    for module in (map_panels, map_evidence):
      module.write(
        workdir,
        split,
        splits[split],
        tables[split],
        model=model,
        params=params,
        config=config,
      )
  return metrics
