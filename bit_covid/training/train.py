# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning and evaluation, from a config to a work directory.

    train.train_and_evaluate(config, 'runs/bit_m')

This is Algorithm 1 of the paper. A run that was interrupted resumes from its
last checkpoint when it is started again with the same config and work
directory.
"""

from collections.abc import Mapping
import math
import os
from typing import Any, NamedTuple

from etils import epath
import jax
import jax.numpy as jnp
import ml_collections
import tqdm

from bit_covid.base import checksums
from bit_covid.base import devices
from bit_covid.base import progress
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
from bit_covid.training import check_config
from bit_covid.training import disk_space
from bit_covid.training import ledger
from bit_covid.training import map_evidence
from bit_covid.training import map_panels
from bit_covid.training import preemption
from bit_covid.training import run_directory
from bit_covid.training import run_lock
from bit_covid.training import scan_references
from bit_covid.training import schedule
from bit_covid.training import splits as splits_lib
from bit_covid.training import steps
from bit_covid.weights import bit_npz
from bit_covid.weights import find
import input_pipeline


class Trained(NamedTuple):
  """Metrics and data of a training, by the split's name."""

  metrics: Mapping[str, Any]
  splits: Mapping[str, input_pipeline.Examples]


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
  if config.data.name == 'image_folder':
    # For the user's own data no paper has found the settings.
    count = config.data.per_class * num_classes or len(splits['train'])
    progress.say(schedule.hint(count, config.batch))
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
  run = steps.Run(config, workdir, splits, model, evaluate.make_forward(model))
  # No variable here holds the initial parameters, so that they can be freed.
  params = steps.take(
    run, initial_params(config, model), deadline, debug_nans=debug_nans
  )
  try:
    return Trained(_write_results(run, params), splits)
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


def _write_results(run: steps.Run, params: Mapping[str, Any]) -> dict[str, Any]:
  """Returns the metrics of the final splits; writes all results."""
  config, workdir = run.config, run.workdir
  metrics, tables = {}, {}
  for name in config.final_splits:
    examples = run.splits[name]
    batch = config.eval_batch
    bar = {'desc': f'Evaluating {name}', 'unit': 'step', 'disable': None}
    with tqdm.tqdm(total=math.ceil(len(examples) / batch), **bar) as steps_done:
      outputs = evaluate.evaluate(
        run.forward,
        params,
        examples,
        config.data,
        batch=batch,
        on_batch=steps_done.update,
      )
    tables[name] = run_directory.predictions_table(examples, outputs)
    metrics[name] = run_directory.write_results(
      workdir, name, tables[name], outputs.features
    )
  temperature = None
  if jax.process_index() == 0:
    temperature = run_directory.save_model(
      config,
      workdir,
      devices.to_host(params),
      run.splits['train'],
      tables.get('val'),
    )
  for problem in scan_references.write(
    workdir,
    params,
    run.splits,
    config,
    temperature=temperature,
    forward=run.forward,
  ):
    progress.say(problem)
  if jax.process_index():
    return metrics  # The first host writes.
  params = devices.to_host(params)
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
