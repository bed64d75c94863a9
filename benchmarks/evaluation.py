# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Images a second of an evaluation, beside the network alone.

    python -m benchmarks.evaluation --data=FOLDER

The network alone gets one batch that is on the devices, again and again. With
--waits it says instead how long the devices of a training had no step to work
on: from the end of one to when the next was handed to them.
"""

import argparse
import statistics
import tempfile
import time
from typing import Any

import jax
import numpy as np
import optax

from benchmarks import data_configs
from benchmarks import side_by_side
from bit_covid.base import devices
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
from bit_covid.training import train_step
import input_pipeline


def main() -> None:
  """Prints the speeds."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  data_configs.add_flags(parser)
  parser.add_argument('--model', default='R50x1')
  parser.add_argument('--batch', type=int, default=16)
  parser.add_argument('--images', type=int, default=64, help='a turn')
  parser.add_argument('--turns', type=int, default=5)
  parser.add_argument('--waits', action='store_true')
  parser.add_argument('--json', action='store_true')
  args = parser.parse_args()
  with tempfile.TemporaryDirectory() as data_dir:
    args.data_dir = args.data_dir or data_dir
    result = waits(args) if args.waits else measure(args)
  side_by_side.show(side_by_side.facts() | result, as_json=args.json)


def measure(args: argparse.Namespace) -> dict[str, Any]:
  """Returns the speeds of evaluation and network."""
  examples, config = data_configs.load(args, args.name)
  examples = examples.take(np.arange(args.images) % len(examples))
  network = resnet_v2.create(args.model, num_classes=3)
  params = devices.replicate(_random_params(network))
  forward = evaluate.make_forward(network)
  prepared = evaluate.prepare(params)
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

  speeds = side_by_side.take_turns(
    {'evaluation': whole, 'network alone': alone}, turns=args.turns
  )
  return side_by_side.summary(speeds, reference='network alone')


def waits(args: argparse.Namespace) -> dict[str, Any]:
  """Returns step time and the time without a step, in seconds: medians."""
  examples, config = data_configs.load(args, args.name)
  network = resnet_v2.create(args.model, num_classes=3)
  optimizer = optax.sgd(0.003, momentum=0.9)
  step_fn = train_step.make_train_step(
    network, optimizer, mixup_alpha=0.1, accumulation=1, seed=0
  )
  state = train_step.create_state(_random_params(network), optimizer)
  state = devices.replicate(state)
  dataset = input_pipeline.train_batches(
    examples, config, batch=args.batch, seed=0, end_step=args.turns + 2
  )
  idle, step = [], []
  finished = None
  # Each step is waited for, as at a logged loss: the next batch should be
  # there by then. Without the wait the devices have several steps in hand.
  for batch in devices.prefetch_to_device(input_pipeline.as_numpy(dataset)):
    jax.block_until_ready(batch)
    handed_over = time.perf_counter()
    state = step_fn(state, batch)
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


def _random_params(network: resnet_v2.ResNetV2):
  images = np.zeros((1, 64, 64, 1), np.float32)
  return jax.jit(network.init)(jax.random.key(0), images)['params']


if __name__ == '__main__':
  main()
