# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""BiT of Hugging Face's transformers on PyTorch, and a comparison with it."""

import argparse
from collections.abc import Callable, Mapping
import json
import os
import platform
import statistics
from typing import Any

import jax
import torch
import transformers

from benchmarks import turns
from bit_covid.models import resnet_v2

# Makes one step of a network from the model's name, the images in a batch and
# their side in pixels.
MakeStep = Callable[[str, int, int], Callable[[], None]]


def compare(
  benchmark: str, *, description: str, ours: MakeStep, peer: MakeStep
) -> None:
  """Runs the sizes given on the command line and prints one line for each.

  Args:
    benchmark: its name, which every result repeats.
    description: text for `--help`.
    ours: makes a step of this project.
    peer: makes the same step in PyTorch.
  """
  flags = _parse_flags(description)
  torch.set_num_threads(flags.threads)
  results = []
  for size in flags.sizes:
    side, batch = map(int, size.split('x'))
    steps = {
      'ours': ours(flags.model, batch, side),
      'peer': peer(flags.model, batch, side),
    }
    result = {
      'benchmark': benchmark,
      'model': flags.model,
      'side': side,
      'batch': batch,
      **_peer_facts(flags.threads),
      **_summarize_pair(turns.take_turns(steps, turns=flags.pairs)),
    }
    print(json.dumps(result))
    results.append(result)
  turns.write_json(results, flags.json)


def _parse_flags(description: str) -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=description)
  parser.add_argument('--model', default='R50x1')
  parser.add_argument(
    '--sizes',
    nargs='+',
    default=['128x16', '224x8', '480x2'],
    help='side in pixels x images in a batch',
  )
  parser.add_argument('--pairs', type=int, default=7, help='turns of each')
  parser.add_argument(
    '--threads',
    type=int,
    # As many as XLA uses.
    default=len(os.sched_getaffinity(0)),
    help="PyTorch's; on a busy machine 1, as its threads spin while they wait",
  )
  turns.add_json_flag(parser)
  return parser.parse_args()


def _summarize_pair(
  measured: Mapping[str, list[turns.Turn]],
) -> dict[str, float]:
  """Returns median seconds and ratios; above 1 means that ours is faster."""
  found = {}
  for unit, suffix in (('clock', ''), ('core', '_cpu')):
    ours, peer = (
      [getattr(x, unit) for x in measured[name]] for name in ('ours', 'peer')
    )
    found[f'ours{suffix}_seconds'] = statistics.median(ours)
    found[f'peer{suffix}_seconds'] = statistics.median(peer)
    found[f'peer_by_ours{suffix}'] = turns.median_ratio(peer, ours)
  return found


def _peer_facts(threads: int) -> dict[str, Any]:
  """Returns what has to be known to compare a result with PyTorch's."""
  return {
    'commit': turns.commit(),
    'machine': platform.processor() or platform.machine(),
    'torch_threads': threads,
    'load_average': os.getloadavg()[0],
    'jax': jax.__version__,
    'torch': torch.__version__,
    'xla_flags': os.environ.get('XLA_FLAGS', ''),
  }


def create(model: str) -> torch.nn.Module:
  """Returns the network of a name in `resnet_v2.MODELS`, with three classes."""
  size = resnet_v2.MODELS[model]
  config = transformers.BitConfig(
    layer_type='preactivation',
    depths=list(size.block_units),
    embedding_size=size.width,
    hidden_sizes=[4 * size.width * 2**i for i in range(len(size.block_units))],
    num_groups=size.num_groups,
    num_labels=3,
  )
  return transformers.BitForImageClassification(config)


def _images(batch: int, side: int) -> torch.Tensor:
  """Returns noise in [-1, 1], float32 `[batch, 3, side, side]`."""
  return (torch.rand(batch, 1, side, side) * 2 - 1).repeat(1, 3, 1, 1)


def make_train_step(model: str, batch: int, side: int) -> Callable[[], None]:
  """Returns a function that runs one step of SGD with momentum."""
  # Channels last: faster than channels first in training, 1.73 s and 1.85 s
  # (one thread, 128 px, batch 16).
  layout = torch.channels_last
  network = create(model).train().to(memory_format=layout)
  optimizer = torch.optim.SGD(network.parameters(), lr=0.003, momentum=0.9)
  pixels = _images(batch, side).to(memory_format=layout)
  labels = torch.arange(batch) % 3

  def step():
    optimizer.zero_grad(set_to_none=True)
    logits = network(pixels).logits
    torch.nn.functional.cross_entropy(logits, labels).backward()
    optimizer.step()

  return step


def make_forward(model: str, batch: int, side: int) -> Callable[[], None]:
  """Returns a function that runs one forward pass."""
  # Channels first: faster than channels last here, 0.61 s and 0.69 s.
  network, pixels = create(model).eval(), _images(batch, side)

  @torch.inference_mode()
  def forward():
    network(pixels).logits.numpy()

  return forward
