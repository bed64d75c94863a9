# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares the engines of `--engine` on the scores and maps of slices.

python -m benchmarks.engines --model=R50x1 --side=480 --batch=4
"""

import argparse
from collections.abc import Callable
import statistics

import numpy as np

from benchmarks import random_checkpoint
from benchmarks import step
from benchmarks import turns
from bit_covid.engine import openvino_engine
from bit_covid.export import exportable
from bit_covid.inference import engine as engine_lib
from bit_covid.inference import network as network_lib


def main() -> None:
  """Runs the size given on the command line."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--model', default='R50x1')
  parser.add_argument('--side', type=int, default=480, help='in pixels')
  parser.add_argument('--batch', type=int, default=4, help='1, 4 or 16')
  parser.add_argument('--pairs', type=int, default=7, help='turns of each')
  turns.add_json_flag(parser)
  flags = parser.parse_args()
  checkpoint = random_checkpoint.make(flags.model, flags.side)
  slices = step.noise(flags.batch, flags.side)
  engines = [
    network_lib.Network(checkpoint).engine,
    openvino_engine.OpenVinoEngine(exportable.create(checkpoint)),
  ]
  measured = turns.take_turns(
    {x.name: _work(x, slices) for x in engines}, turns=flags.pairs
  )
  result = {'benchmark': 'engines', **vars(flags), **turns.facts()}
  for name, found in measured.items():
    result[f'{name}: ms a slice'] = statistics.median(
      1000 * x.clock / flags.batch for x in found
    )
  times = [[x.clock for x in found] for found in measured.values()]
  result['speed beside JAX'] = turns.median_ratio(*times)
  turns.report(result, flags.json)


def _work(engine: engine_lib.Engine, slices: np.ndarray) -> Callable[[], None]:
  def work() -> None:
    engine.scores(slices, with_maps=True, num_slices=len(slices))

  return work


if __name__ == '__main__':
  main()
