# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Counts what the training step costs on a TPU, as compiled for it.

    python -m benchmarks.tpu_compile --topology=v5e:2x2 --chips=1 --batch=16

No TPU is needed: `pip install libtpu` installs the compiler. The results are
counts of the compiled program, not measured speeds; see docs/tpu.md.
"""

import argparse
from collections.abc import Mapping
import json
import os
import pathlib
import time
from typing import Any

# Must be set before jax is imported: there is no TPU to ask for its metadata.
os.environ.setdefault('TPU_SKIP_MDS_QUERY', '1')
os.environ.setdefault('JAX_PLATFORMS', 'cpu')

import jax
from jax.experimental import topologies
import jax.numpy as jnp

from benchmarks import hlo_traffic
from benchmarks import step as step_lib
from benchmarks import turns
from benchmarks.accelerator import peaks
from bit_covid.models import resnet_v2
from bit_covid.paper import grid
from bit_covid.paper import scales
from bit_covid.training import cost

_MEGACORE = {'chip_config_name': 'megacore'}


def main() -> None:
  """Compiles for the topology given on the command line; prints the counts."""
  flags = _parse_flags()
  topology = topologies.get_topology_desc(
    platform='tpu',
    topology_name=flags.topology,
    # Both cores of a chip of these kinds work as one device.
    **_MEGACORE if flags.topology.startswith(('v4', 'v5p')) else {},
  )
  chips = topology.devices[: flags.chips]
  start = time.perf_counter()
  compiled = _lower(flags, chips).compile(
    dict(option.split('=', 1) for option in flags.compiler_option)
  )
  counts = {
    **{k: v for k, v in vars(flags).items() if k not in ('hlo', 'json')},
    'chips': len(chips),
    'compile_seconds': round(time.perf_counter() - start),
    'jax': jax.__version__,
    **_counts(compiled, flags.accumulation),
  }
  counts |= least_times(counts, chips[0].device_kind)
  print(json.dumps(counts, indent=2))
  turns.write_json(counts, flags.json)
  if flags.hlo:
    pathlib.Path(flags.hlo).write_text(compiled.as_text())


def _parse_flags() -> argparse.Namespace:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--topology', default='v5e:2x2', help='v4:2x2x1, ...')
  parser.add_argument(
    '--chips', type=int, help='of the topology; by default all of them'
  )
  parser.add_argument('--batch', type=int, default=16, help='on each chip')
  parser.add_argument('--side', type=int, default=480, help='pixels')
  parser.add_argument('--model', default='R50x1', choices=resnet_v2.MODELS)
  parser.add_argument(
    '--units',
    help='units of each block, such as 2,2,2,2: a network that is less deep '
    'compiles sooner',
  )
  parser.add_argument('--dtype', default='bfloat16')
  parser.add_argument('--remat', action='store_true')
  parser.add_argument('--accumulation', type=int, default=1)
  parser.add_argument(
    '--compiler_option',
    action='append',
    default=[],
    metavar='NAME=VALUE',
    help='an option of libtpu; may be given more than once',
  )
  parser.add_argument('--hlo', help='write the compiled program to this file')
  turns.add_json_flag(parser)
  return parser.parse_args()


def _lower(
  flags: argparse.Namespace, chips: list[jax.Device]
) -> jax.stages.Lowered:
  """Returns the training step, lowered for the chips."""
  size = resnet_v2.MODELS[flags.model]
  if flags.units:
    size = size._replace(block_units=tuple(map(int, flags.units.split(','))))
  network = resnet_v2.ResNetV2(
    num_classes=3, size=size, dtype=jnp.dtype(flags.dtype), remat=flags.remat
  )
  return step_lib.lower(
    network,
    step_lib.make_optimizer(),
    on_devices=chips,
    batch=flags.batch,
    side=flags.side,
    accumulation=flags.accumulation,
  )


def _counts(
  compiled: jax.stages.Compiled, accumulation: int
) -> dict[str, float]:
  """Returns operations, bytes moved and bytes held, of one chip."""
  cost, memory = compiled.cost_analysis(), compiled.memory_analysis()
  hlo = compiled.as_text()
  traffic = hlo_traffic.count(hlo)
  # XLA counts the body of a loop once. With accumulation the whole step but
  # the update, a ten-thousandth of the operations, is a loop over the parts.
  outside = sum(hlo_traffic.count(hlo, loops=False)) if accumulation > 1 else 0
  moved = outside + accumulation * (cost['bytes accessed'] - outside)
  return {
    'gflop': round(accumulation * cost['flops'] / 1e9, 1),
    'gb_moved': round(moved / 1e9, 2),
    'gb_moved_in_hbm': round(traffic.hbm / 1e9, 2),
    'gb_moved_in_vmem': round(traffic.vmem / 1e9, 2),
    'gb_of_arguments': round(memory.argument_size_in_bytes / 1e9, 2),
    'gb_of_temporaries': round(memory.temp_size_in_bytes / 1e9, 2),
    'gb_at_peak': round(memory.peak_memory_in_bytes / 1e9, 2),
  }


def least_times(counts: Mapping[str, Any], device: str) -> dict[str, float]:
  """Returns the milliseconds of a step, and chip hours of the paper's run.

  They are the least that the published speeds of the device allow. The run is
  one of the paper's, 10,000 steps of 64 images, with all of its evaluations.
  """
  peak = peaks.find(device)
  # GFLOP at TFLOP/s are milliseconds. Unless JAX is told otherwise, a TPU also
  # rounds the factors of float32 products to bfloat16.
  products = counts['gflop'] / peak.bfloat16
  memory = 1000 * counts['gb_moved_in_hbm'] / peak.bandwidth
  least = max(products, memory)
  paper = scales.SCALES['paper']
  config = scales.make_config(grid.Run('Bit-M'), paper)
  config.model.name, config.data.crop = counts['model'], counts['side']
  seconds = cost.seconds(
    cost.of(config, paper.sizes).operations,
    images_per_second=1000 * counts['batch'] / least,
    model_name=counts['model'],
    crop=counts['side'],
  )
  return {
    'ms_of_products': round(products, 2),
    'ms_of_memory': round(memory, 2),
    'chip_hours_of_the_paper': round(seconds / 3600, 1),
  }


if __name__ == '__main__':
  main()
