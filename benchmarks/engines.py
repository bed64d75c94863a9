# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares the engines of `--engine` on the scores and maps of slices.

python -m benchmarks.engines --model=R50x1 --side=480 --batch=4
"""

import argparse
from collections.abc import Callable
import statistics

import jax
import numpy as np

from benchmarks import step
from benchmarks import turns
from bit_covid.engine import openvino_engine
from bit_covid.export import exportable
from bit_covid.inference import engine as engine_lib
from bit_covid.inference import network as network_lib
from bit_covid.inference import preparation
from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata as metadata_lib


def main() -> None:
  """Runs the size given on the command line."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--model', default='R50x1')
  parser.add_argument('--side', type=int, default=480, help='in pixels')
  parser.add_argument('--batch', type=int, default=4, help='1, 4 or 16')
  parser.add_argument('--pairs', type=int, default=7, help='turns of each')
  turns.add_json_flag(parser)
  flags = parser.parse_args()
  checkpoint = _checkpoint(flags.model, flags.side)
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


def _checkpoint(model: str, side: int) -> bit_npz.Checkpoint:
  network = resnet_v2.create(model, num_classes=3)
  params = jax.tree.map(np.asarray, step.random_params(network))
  metadata = metadata_lib.Metadata(
    class_names=('Normal', 'CP', 'NCP'),
    preprocessing={**preparation.DEFAULT, 'crop': side},
  )
  return bit_npz.Checkpoint(model, params, metadata)


def _work(engine: engine_lib.Engine, slices: np.ndarray) -> Callable[[], None]:
  def work() -> None:
    engine.scores(slices, with_maps=True, num_slices=len(slices))

  return work


if __name__ == '__main__':
  main()
