# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the training step costs on a TPU, as counted by its compiler.

    python benchmarks/tpu_compile.py --topology=v5e:2x2 --chips=1 --batch=16

No TPU is needed: `pip install libtpu` brings the compiler. These are counts of
a compiled program and not measured speeds; see docs/tpu.md.
"""

import argparse
import json
import os
import time

# Before jax is imported: there is no TPU here, and nobody to ask for one.
os.environ.setdefault('TPU_SKIP_MDS_QUERY', '1')
os.environ.setdefault('JAX_PLATFORMS', 'cpu')

import jax
from jax.experimental import topologies
import jax.numpy as jnp
import optax

from benchmarks import hlo_traffic
from bit_covid.models import resnet_v2
from bit_covid.training import schedule
from bit_covid.training import train_step


def main() -> None:
  """Compiles for the topology on the command line and prints the counts."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--topology', default='v5e:2x2', help='v4:2x2x1, ...')
  parser.add_argument('--chips', type=int, help='of the topology; all of them')
  parser.add_argument('--batch', type=int, default=16, help='on each chip')
  parser.add_argument('--side', type=int, default=480, help='pixels')
  parser.add_argument('--model', default='R50x1', choices=resnet_v2.MODELS)
  parser.add_argument(
    '--units', help='of each block, such as 2,2,2,2: less deep, sooner compiled'
  )
  parser.add_argument('--dtype', default='bfloat16')
  parser.add_argument('--remat', action='store_true')
  parser.add_argument('--accumulation', type=int, default=1)
  parser.add_argument(
    '--compiler_option',
    action='append',
    default=[],
    metavar='NAME=VALUE',
    help='of libtpu; may be given more than once',
  )
  parser.add_argument('--hlo', help='write the compiled program to this file')
  parser.add_argument('--json', help='write the counts to this file')
  flags = parser.parse_args()
  topology = topologies.get_topology_desc(
    platform='tpu', topology_name=flags.topology
  )
  chips = topology.devices[: flags.chips]
  step, arguments = abstract_step(flags, chips)
  start = time.perf_counter()
  compiled = step.lower(*arguments).compile(
    dict(option.split('=', 1) for option in flags.compiler_option)
  )
  counts = {
    **{k: v for k, v in vars(flags).items() if k not in ('hlo', 'json')},
    'chips': len(chips),
    'compile_seconds': round(time.perf_counter() - start),
    'jax': jax.__version__,
    **_counts(compiled, flags.accumulation),
  }
  print(json.dumps(counts, indent=2))
  if flags.json:
    with open(flags.json, 'w') as file:
      json.dump(counts, file, indent=2)
  if flags.hlo:
    with open(flags.hlo, 'w') as file:
      file.write(compiled.as_text())


def abstract_step(flags: argparse.Namespace, chips):
  """Returns the step that `train.py` runs, and the shapes of its arguments."""
  size = resnet_v2.MODELS[flags.model]
  if flags.units:
    size = size._replace(block_units=tuple(map(int, flags.units.split(','))))
  model = resnet_v2.ResNetV2(
    num_classes=3, size=size, dtype=jnp.dtype(flags.dtype), remat=flags.remat
  )
  rate = schedule.learning_rate(0.003, schedule.SCHEDULES['10k'])
  optimizer = optax.sgd(rate, momentum=0.9)
  step = train_step.make_train_step(
    model,
    optimizer,
    mixup_alpha=0.1,
    accumulation=flags.accumulation,
    seed=0,
    on_devices=chips,
  )
  state = jax.eval_shape(
    lambda params: train_step.create_state(params, optimizer),
    resnet_v2.parameter_shapes(model),
  )
  leading = (len(chips), flags.batch)
  batch = {
    'image': jax.ShapeDtypeStruct(
      (*leading, flags.side, flags.side, 1), jnp.uint8
    ),
    'label': jax.ShapeDtypeStruct(leading, jnp.int32),
  }
  return step, (state, batch)


def _counts(compiled, accumulation: int) -> dict[str, float]:
  """Returns operations, bytes moved and bytes held, of one chip."""
  cost, memory = compiled.cost_analysis(), compiled.memory_analysis()
  hlo = compiled.as_text()
  traffic = hlo_traffic.count(hlo)
  # XLA counts what a loop does once. All operations but a ten-thousandth, the
  # update's, are in the loop over the parts of a batch, if there is one.
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


if __name__ == '__main__':
  main()
