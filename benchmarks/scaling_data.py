# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures time and memory of the input pipeline with 10^3 to 10^6 slices.

    python -m benchmarks.scaling_data

The slices are small and generated in memory, and the same few images serve
for all of them: the memory that grows with their number is that of the table.
Each number of slices is measured in a process of its own.
"""

import argparse
import json
import resource
import statistics
import time
from typing import Any

import cv2
import numpy as np

from benchmarks import turns
from configs import common
import input_pipeline

_SIDE = 64
# Number of different images. All slices share them, so that the images do not
# fill the memory that is measured.
_IMAGES = 256


def main() -> None:
  """Prints the measurements."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--counts', default='1000,10000,100000,1000000')
  parser.add_argument('--batch', type=int, default=64)
  parser.add_argument('--steps', type=int, default=200)
  turns.add_json_flag(parser)
  parser.add_argument('--only', type=int, help=argparse.SUPPRESS)
  args = parser.parse_args()
  if args.only:
    print(json.dumps(measure(args.only, batch=args.batch, steps=args.steps)))
    return
  result = turns.facts()
  for count in args.counts.split(','):
    result[count] = turns.run_alone(
      'benchmarks.scaling_data', only=count, batch=args.batch, steps=args.steps
    )
  turns.report(result, args.json)


def measure(count: int, *, batch: int, steps: int) -> dict[str, Any]:
  """Returns seconds and megabytes with `count` slices."""
  examples = _examples(count)
  config = common.get_config().data
  config.update(box='none', resize=_SIDE, crop=_SIDE - 8)
  # Starts in the middle of the third epoch, as after an interruption.
  first = 5 * count // (2 * batch)
  start = time.perf_counter()
  dataset = input_pipeline.train_batches(
    examples,
    config,
    batch=batch,
    seed=0,
    first_step=first,
    end_step=first + steps + 1,
  )
  batches = input_pipeline.as_numpy(dataset)
  next(batches)
  first_batch = time.perf_counter() - start
  before = _megabytes()
  core = []
  for _ in range(4):
    begun = time.process_time()
    for _ in range(steps // 4):
      next(batches)
    core.append((time.process_time() - begun) / (steps // 4))
  return {
    'first batch s': first_batch,
    'core ms a step': 1000 * statistics.median(core),
    'table MB': _table_megabytes(examples),
    'MB grown in the steps': _megabytes() - before,
  }


def _examples(count: int) -> input_pipeline.Examples:
  generator = np.random.default_rng(0)
  images = generator.integers(0, 256, (_IMAGES, _SIDE, _SIDE), np.uint8)
  encoded = [cv2.imencode('.png', image)[1].tobytes() for image in images]
  names = np.char.add('slice', np.arange(count).astype(str))
  return input_pipeline.Examples(
    class_names=('Normal', 'CP', 'NCP'),
    slice_id=names,
    patient_id=names,
    source=np.full(count, 'here'),
    label=np.arange(count, dtype=np.int32) % 3,
    box=np.zeros((count, 4), np.int32),
    digest=names,
    read=lambda i: encoded[i % _IMAGES],
  )


def _table_megabytes(examples: input_pipeline.Examples) -> float:
  columns = ('slice_id', 'patient_id', 'source', 'label', 'box', 'digest')
  return sum(getattr(examples, name).nbytes for name in columns) / 1e6


def _megabytes() -> float:
  # The peak of this process; Linux reports kilobytes.
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == '__main__':
  main()
