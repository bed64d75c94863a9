# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares the speed of the input pipeline with that of other loaders.

    taskset -c 0 python -m benchmarks.input_pipeline --data=FOLDER

`FOLDER` holds the split files and images of COVIDx CT, as for
`config.data.path`. Pinned to one core with `taskset`, the speeds by the clock
and by processor time should agree.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
import importlib.util
import itertools
import pathlib
import sys

import numpy as np
import tensorflow as tf

from benchmarks import data_configs
from benchmarks import other_loaders
from benchmarks import turns
import input_pipeline


def main() -> None:
  """Prints the speeds."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('--batch', type=int, default=32)
  parser.add_argument('--batches', type=int, default=24, help='in each turn')
  parser.add_argument('--turns', type=int, default=5)
  parser.add_argument(
    '--workers', type=int, default=0, help='of the DataLoader'
  )
  data_configs.run(parser, measure)


def measure(args: argparse.Namespace) -> dict:
  """Returns images per second of each loader."""
  # Each turn starts and ends its own stream. A stream that went on would load
  # images ahead during the turns of the others.
  measured = turns.take_turns(
    {
      name: lambda start=start: sum(map(len, start()))
      for name, start in _contenders(args).items()
    },
    turns=args.turns,
  )
  return turns.summarize_speeds(measured, reference='here')


def _contenders(
  args: argparse.Namespace,
) -> dict[str, Callable[[], Iterable]]:
  """Returns functions that yield `args.batches` batches of images, by name."""
  examples, config = data_configs.load(args, args.name)
  version = args.name.removeprefix('covidx_ct/')
  folder = pathlib.Path(args.data) / f'{version.upper()}_images'
  slices = [
    other_loaders.Slice(str(folder / name), tuple(box))
    for name, box in zip(
      examples.slice_id.tolist(), examples.box.tolist(), strict=True
    )
  ]
  sizes = {'resize': args.resize, 'crop': args.crop, 'batch': args.batch}
  # Built once and not in each turn, as in a training.
  plain = other_loaders.plain_tf_data(slices, **sizes).take(args.batches)
  plain = plain.prefetch(tf.data.AUTOTUNE)
  prepared, _ = data_configs.load(args, f'{args.name}_512')
  whole, stored = (
    input_pipeline.train_batches(
      x, config, batch=args.batch, seed=0, end_step=args.batches
    )
    for x in (examples, prepared)
  )
  contenders = {
    'here': lambda: _images(whole),
    'prepared slices': lambda: _images(stored),
    'plain tf.data': plain.as_numpy_iterator,
  }
  if importlib.util.find_spec('torch'):
    peer = other_loaders.torch_loader(slices, **sizes, workers=args.workers)
    contenders['PyTorch DataLoader'] = lambda: itertools.islice(
      peer, args.batches
    )
  else:
    print(
      'PyTorch is not installed, so its DataLoader is left out.',
      file=sys.stderr,
    )
  return contenders


def _images(dataset: tf.data.Dataset) -> Iterator[np.ndarray]:
  return (batch['image'] for batch in input_pipeline.as_numpy(dataset))


if __name__ == '__main__':
  main()
