# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Counts a step's operations and memory per device, for several device counts.

    python -m benchmarks.scaling

Every device gets the same number of images, so that the counts should not
depend on the number of devices. The devices are simulated on the CPU. Their
times would mean nothing, so only the compiled program is looked at.
"""

import argparse
import json

import jax
import optax

from benchmarks import step as step_lib
from benchmarks import turns
from bit_covid.models import resnet_v2


def main() -> None:
  """Compiles for 1, 2, 4 and 8 devices and prints the counts."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--devices', type=int, nargs='+', default=[1, 2, 4, 8])
  parser.add_argument('--model', default='tiny', choices=resnet_v2.MODELS)
  parser.add_argument('--side', type=int, default=64, help='pixels')
  parser.add_argument('--batch', type=int, default=8, help='on each device')
  turns.add_json_flag(parser)
  flags = parser.parse_args()
  # Must be set before JAX looks for its devices.
  jax.config.update('jax_platforms', 'cpu')
  jax.config.update('jax_num_cpu_devices', max(flags.devices))
  results = [counts(flags, num_devices) for num_devices in flags.devices]
  for result in results:
    print(json.dumps(result))
  turns.write_json(results, flags.json)


def counts(flags: argparse.Namespace, num_devices: int) -> dict[str, float]:
  """Returns operations and bytes of the step on one of `num_devices`."""
  network = resnet_v2.create(flags.model, num_classes=3)
  compiled = step_lib.lower(
    network,
    optax.sgd(0.003, momentum=0.9),
    on_devices=jax.devices()[:num_devices],
    batch=flags.batch,
    side=flags.side,
  ).compile()
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
