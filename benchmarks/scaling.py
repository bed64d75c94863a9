# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether a step's operations and memory on one device stay, with more of them.

    python -m benchmarks.scaling

Devices are fake ones on the CPU, so that times would say nothing: what is
counted is the program that each of them runs. Each has the same part of the
batch.
"""

import argparse
import json
import pathlib

import jax
import jax.numpy as jnp
import optax

from bit_covid.models import resnet_v2
from bit_covid.training import train_step


def main() -> None:
  """Compiles for 1, 2, 4 and 8 devices and prints the counts."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--devices', type=int, nargs='+', default=[1, 2, 4, 8])
  parser.add_argument('--model', default='tiny', choices=resnet_v2.MODELS)
  parser.add_argument('--side', type=int, default=64, help='pixels')
  parser.add_argument('--batch', type=int, default=8, help='on each device')
  parser.add_argument('--json', help='write the counts to this file')
  flags = parser.parse_args()
  # Before anything asks JAX for its devices.
  jax.config.update('jax_platforms', 'cpu')
  jax.config.update('jax_num_cpu_devices', max(flags.devices))
  results = [counts(flags, num_devices) for num_devices in flags.devices]
  for result in results:
    print(json.dumps(result))
  if flags.json:
    pathlib.Path(flags.json).write_text(json.dumps(results, indent=2) + '\n')


def counts(flags: argparse.Namespace, num_devices: int) -> dict[str, float]:
  """Returns operations and bytes of the step on one of so many devices."""
  model = resnet_v2.create(flags.model, num_classes=3)
  optimizer = optax.sgd(0.003, momentum=0.9)
  step = train_step.make_train_step(
    model,
    optimizer,
    mixup_alpha=0.1,
    accumulation=1,
    seed=0,
    on_devices=jax.devices()[:num_devices],
  )
  state = jax.eval_shape(
    lambda params: train_step.create_state(params, optimizer),
    resnet_v2.parameter_shapes(model),
  )
  leading = (num_devices, flags.batch)
  batch = {
    'image': jax.ShapeDtypeStruct(
      (*leading, flags.side, flags.side, 1), jnp.uint8
    ),
    'label': jax.ShapeDtypeStruct(leading, jnp.int32),
  }
  compiled = step.lower(state, batch).compile()
  memory = compiled.memory_analysis()
  return {
    'benchmark': 'scaling',
    'devices': num_devices,
    'gflop': round(compiled.cost_analysis()['flops'] / 1e9, 3),
    'mb_of_arguments': round(memory.argument_size_in_bytes / 1e6, 2),
    'mb_of_temporaries': round(memory.temp_size_in_bytes / 1e6, 2),
  }


if __name__ == '__main__':
  main()
