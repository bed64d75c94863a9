# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures the time until a program is ready: import, first step, loading.

    python -m benchmarks.startup

Each measurement runs in a process of its own. The first step is measured
twice: with an empty compilation cache ("cold"), and with the cache that the
first process has filled ("warm").
"""

import argparse
import collections
import importlib
import json
import os
import statistics
import tempfile
import time
from typing import Any

from benchmarks import turns


def main() -> None:
  """Prints the times."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--model', default='R50x1')
  parser.add_argument('--crop', type=int, default=480)
  parser.add_argument('--batch', type=int, default=2)
  parser.add_argument('--turns', type=int, default=3)
  turns.add_json_flag(parser)
  parser.add_argument('--only', choices=_PARTS, help=argparse.SUPPRESS)
  parser.add_argument('--file', help=argparse.SUPPRESS)
  args = parser.parse_args()
  if args.only:
    print(json.dumps(_PARTS[args.only](args)))
    return
  result = turns.facts() | measure(args)
  turns.report(result, args.json)


def measure(args: argparse.Namespace) -> dict[str, Any]:
  """Returns the median seconds of each part."""
  flags = {'model': args.model, 'crop': args.crop, 'batch': args.batch}
  found = collections.defaultdict(list)
  for _ in range(args.turns):
    with tempfile.TemporaryDirectory() as folder:
      for name, part in (
        ('import', 'import'),
        ('import with JAX', 'import_jax'),
        ('first step, cold', 'step'),
        ('first step, warm', 'step'),
        ('writing a model', 'save'),
        ('bit_covid.load', 'load'),
      ):
        seconds = turns.run_alone(
          'benchmarks.startup',
          environment={'JAX_COMPILATION_CACHE_DIR': folder},
          only=part,
          file=os.path.join(folder, 'model.npz'),
          **flags,
        )
        found[name].append(seconds)
  result = {name: statistics.median(values) for name, values in found.items()}
  ratio = turns.median_ratio(
    found['first step, warm'], found['first step, cold']
  )
  return result | {'warm / cold': ratio}


def _import(_: argparse.Namespace) -> float:
  start = time.perf_counter()
  importlib.import_module('bit_covid')
  return time.perf_counter() - start


def _import_jax(_: argparse.Namespace) -> float:
  """Returns the seconds of all imports that a first step needs."""
  start = time.perf_counter()
  importlib.import_module('optax')
  importlib.import_module('bit_covid.training.train_step')
  return time.perf_counter() - start


def _step(args: argparse.Namespace) -> float:
  """Returns the seconds of the imports and one training step together."""
  start = time.perf_counter()
  # Here, since the time of the imports is part of what is measured.
  import jax
  import numpy as np
  import optax

  from benchmarks import step as step_lib
  from bit_covid.base import devices
  from bit_covid.models import resnet_v2

  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.5)
  network = resnet_v2.create(args.model, num_classes=3)
  optimizer = optax.sgd(0.003, momentum=0.9)
  state = step_lib.replicated_state(network, optimizer)
  step_fn = step_lib.make_step(network, optimizer)
  batch = {
    'image': np.zeros((args.batch, args.crop, args.crop, 1), np.uint8),
    'label': np.zeros(args.batch, np.int32),
  }
  (put,) = devices.prefetch_to_device([batch])
  jax.block_until_ready(step_fn(state, put))
  return time.perf_counter() - start


def _save(args: argparse.Namespace) -> float:
  # Here, as the other parts must not import JAX before they are measured.
  import jax
  import numpy as np

  from bit_covid.models import resnet_v2
  from bit_covid.weights import bit_npz
  from bit_covid.weights import metadata as metadata_lib

  start = time.perf_counter()
  network = resnet_v2.create(args.model, num_classes=3)
  params = jax.tree.map(
    lambda x: np.zeros(x.shape, x.dtype), resnet_v2.parameter_shapes(network)
  )
  metadata = metadata_lib.Metadata(class_names=('Normal', 'CP', 'NCP'))
  bit_npz.save(args.file, params, model_name=args.model, metadata=metadata)
  return time.perf_counter() - start


def _load(args: argparse.Namespace) -> float:
  """Returns the seconds that `bit_covid.load` takes after all imports."""
  # Here, as the other parts must not import JAX before they are measured.
  import bit_covid

  importlib.import_module('bit_covid.classifier')

  start = time.perf_counter()
  bit_covid.load(args.file)
  return time.perf_counter() - start


_PARTS = {
  'import': _import,
  'import_jax': _import_jax,
  'step': _step,
  'save': _save,
  'load': _load,
}


if __name__ == '__main__':
  main()
