# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures the speed of an evaluation, and of the network alone.

    python -m benchmarks.evaluation --data=FOLDER

The network alone runs again and again on one batch that is already on the
devices. With --waits, the benchmark measures a training instead: how long the
devices have no work between the end of a step and the start of the next one.
"""

import argparse
import statistics
import time
from typing import Any

import jax
import numpy as np
import optax

from benchmarks import data_configs
from benchmarks import step as step_lib
from benchmarks import turns
from bit_covid.base import devices
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
import input_pipeline


def main() -> None:
  """Prints the speeds."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--model', default='R50x1')
  parser.add_argument('--batch', type=int, default=16)
  parser.add_argument('--images', type=int, default=64, help='in each turn')
  parser.add_argument('--turns', type=int, default=5)
  parser.add_argument('--waits', action='store_true')
  data_configs.run(parser, lambda x: waits(x) if x.waits else measure(x))


def measure(args: argparse.Namespace) -> dict[str, Any]:
  """Returns images per second of the evaluation and of the network alone."""
  examples, config = data_configs.load(args, args.name)
  examples = examples.take(np.arange(args.images) % len(examples))
  network = resnet_v2.create(args.model, num_classes=3)
  params = devices.replicate(step_lib.random_params(network))
  forward = evaluate.make_forward(network)
  prepared = evaluate.standardize(params)
  dataset = input_pipeline.evaluation_batches(
    examples, config, batch=args.batch
  )
  (batch,) = devices.prefetch_to_device(
    input_pipeline.as_numpy(dataset.take(1))
  )

  def alone() -> int:
    steps = -(-args.images // args.batch)
    for _ in range(steps):
      outputs = forward(prepared, batch)
    jax.block_until_ready(outputs)
    return args.images

  def whole() -> int:
    evaluate.evaluate(forward, params, examples, config, batch=args.batch)
    return args.images

  measured = turns.take_turns(
    {'evaluation': whole, 'network alone': alone}, turns=args.turns
  )
  return turns.summarize_speeds(measured, reference='network alone')


def waits(args: argparse.Namespace) -> dict[str, Any]:
  """Returns the median seconds of a step and between two steps."""
  examples, config = data_configs.load(args, args.name)
  network = resnet_v2.create(args.model, num_classes=3)
  optimizer = optax.sgd(0.003, momentum=0.9)
  step_fn = step_lib.make_step(network, optimizer)
  state = step_lib.replicated_state(network, optimizer)
  dataset = input_pipeline.train_batches(
    examples, config, batch=args.batch, seed=0, end_step=args.turns + 2
  )
  idle, step = [], []
  finished = None
  # Waits for each step, as a training does when it logs the loss. Without the
  # wait, several steps would be queued and the devices would never be idle.
  for batch in devices.prefetch_to_device(input_pipeline.as_numpy(dataset)):
    jax.block_until_ready(batch)
    handed_over = time.perf_counter()
    state, _ = step_fn(state, batch)
    jax.block_until_ready(state)
    if finished is not None:
      idle.append(handed_over - finished)
      step.append(time.perf_counter() - handed_over)
    finished = time.perf_counter()
  return {
    'step': statistics.median(step[1:]),
    'without a step': statistics.median(idle[1:]),
    'share': statistics.median(idle[1:]) / statistics.median(step[1:]),
  }


if __name__ == '__main__':
  main()
