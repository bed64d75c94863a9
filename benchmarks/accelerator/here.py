# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""This project's forward pass, training step and training, to be measured."""

from collections.abc import Iterator, Sequence
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import numpy_network
from benchmarks import step as step_lib
from benchmarks.accelerator import jobs
from bit_covid.base import deterministic
from bit_covid.base import devices
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
from bit_covid.training import train_step

# Of end to end; all fit into the host's memory and none is read twice a batch.
_IMAGES = 1024


def run(
  *,
  task: str,
  model: str,
  side: int,
  precision: str,
  batch: int,
  settings: Sequence[str],
) -> jobs.Program:
  """Returns a compiled program; `batch` is that of one card.

  The arguments are those of `rows.Row`; the settings follow the program's name.
  """
  if 'deterministic' in settings:
    deterministic.enable()
    deterministic.check()
  compiled, state, local_batch, seconds = compile_step(
    forward=task == 'forward',
    model=model,
    side=side,
    precision=precision,
    batch=batch,
  )
  batches = None
  if task == 'end to end':
    whole = batch * jax.local_device_count()
    batches = devices.prefetch_to_device(_batches(whole, side))

  def make_steps(steps: int) -> None:
    nonlocal state
    result = None
    for _ in range(steps):
      images = next(batches) if batches else local_batch
      if task == 'forward':
        result = compiled(state, images)
      else:
        state, result = compiled(state, images)
    jax.block_until_ready(result)

  return jobs.Program(make_steps, _peak_bytes, seconds)


def compile_step(
  *, forward: bool, model: str, side: int, precision: str, batch: int
) -> tuple[jax.stages.Compiled, Any, dict[str, Any], float]:
  """Returns the program, its two arguments, and the seconds of compiling."""
  if precision == 'tf32':
    jax.config.update('jax_default_matmul_precision', 'tensorfloat32')
  dtype = jnp.bfloat16 if precision == 'bfloat16' else jnp.float32
  network = resnet_v2.create(model, num_classes=3, dtype=dtype)
  params = numpy_network.random_params(model)
  whole = batch * jax.local_device_count()
  arrays = {'image': step_lib.noise(whole, side)}
  if forward:
    state = evaluate.standardize(devices.replicate(params))
    step = evaluate.make_forward(network)
    arrays |= {'mask': np.ones(whole, bool), 'index': np.arange(whole)}
  else:
    optimizer = step_lib.make_optimizer()
    state = devices.replicate(train_step.create_state(params, optimizer))
    step = step_lib.make_step(network, optimizer)
    arrays['label'] = np.arange(whole, dtype=np.int32) % 3
  (local_batch,) = devices.prefetch_to_device([arrays])
  start = time.perf_counter()
  compiled = step.lower(state, local_batch).compile()
  return compiled, state, local_batch, time.perf_counter() - start


def _peak_bytes() -> int | None:
  stats = jax.local_devices()[0].memory_stats()
  return stats and stats['peak_bytes_in_use']


def _batches(batch: int, side: int) -> Iterator[dict[str, np.ndarray]]:
  """Yields endless batches of crops of prepared images of noise."""
  # TensorFlow is loaded for this task alone.
  from configs import common
  import input_pipeline
  from input_pipeline import preprocess

  # As 512 is to 480 in the paper.
  stored = side * 16 // 15
  config = common.get_config().data
  config.update(box='none', resize=stored, crop=side)
  images = step_lib.noise(_IMAGES, stored)
  names = np.char.add('slice', np.arange(_IMAGES).astype(str))
  examples = input_pipeline.Examples(
    class_names=('Normal', 'CP', 'NCP'),
    slice_id=names,
    patient_id=names,
    source=np.full(_IMAGES, 'here'),
    label=np.arange(_IMAGES, dtype=np.int32) % 3,
    box=np.zeros((_IMAGES, 4), np.int32),
    digest=names,
    read=lambda i: images[i].tobytes(),
    preparation=preprocess.Preprocessing(
      box='none', resize=stored, crop=stored, antialias=config.antialias
    ),
  )
  dataset = input_pipeline.train_batches(
    examples, config, batch=batch, seed=0, end_step=10**6
  )
  for images_and_labels in input_pipeline.as_numpy(dataset):
    yield {x: images_and_labels[x] for x in ('image', 'label')}
