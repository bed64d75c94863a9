# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs a public COVID-Net CT checkpoint on a split, for the same evidence.

    python -m bit_covid.paper.covidnet --meta=CT-2_L/model.meta \
        --checkpoint=CT-2_L/model --data=COVIDX_FOLDER --workdir=runs/ct_2_l

It leaves config.json, run.json and predictions/<split>.csv in the work
directory, so that `bit_covid.report` and `.compare` work on it. A
graph is a program: run only one whose origin you trust. It runs on the CPU.
"""

import argparse
from collections.abc import Sequence
import dataclasses
import sys
from typing import Any

# First: it says how TensorFlow is to start.
import input_pipeline  # isort: skip

from etils import epath
import ml_collections
import numpy as np

from bit_covid.analysis import published
from bit_covid.analysis import terminal
from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.paper.covidnet import files
from bit_covid.paper.covidnet import graph
from bit_covid.paper.covidnet import run
from bit_covid.paper.covidnet import tensors as tensors_lib
from bit_covid.training import run_identity
from input_pipeline import conventions
from input_pipeline import examples as examples_lib
from input_pipeline import preprocess


def beside_published(
  dataset: str, split: str, confusion: Sequence[Sequence[int]]
) -> list[str]:
  """Returns a sentence for each published confusion matrix of the same slices.

  Both matrices have the same sums of rows. Half the sum of absolute differences
  is then the smallest number of slices with another prediction.
  """
  if (dataset, split) != (published.DATASET, published.SPLIT):
    return []
  sentences = []
  for row in published.CONFUSIONS:
    difference = np.subtract(confusion, row.counts)
    if difference.sum(axis=1).any():
      continue  # The split has other slices under the same name.
    moved = int(np.abs(difference).sum()) // 2
    sentences.append(
      f'Published confusion matrix of {row.model} ({row.source}): '
      + (f'at least {moved:,} slices differ.' if moved else 'the same.')
    )
  return sentences


def main(argv: Sequence[str] | None = None) -> int:
  """Runs what the arguments ask for; returns the exit code."""
  return command.main(
    _parser(), _run, argv, words=arguments_lib.FIELDS_AS_FLAGS
  )


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.paper.covidnet',
    description='Runs a public COVID-Net CT checkpoint (TensorFlow 1).',
    examples=(
      '--meta=CT-2_L/model.meta --checkpoint=CT-2_L/model '
      '--data=COVIDX_FOLDER --workdir=runs/ct_2_l',
    ),
  )
  parser.add_argument('--meta', required=True, help='the graph: model.meta')
  parser.add_argument(
    '--checkpoint',
    required=True,
    help="the weights: model.index without '.index'",
  )
  parser.add_argument('--workdir', required=True, help='for the results')
  parser.add_argument('--name', default='COVID-Net CT', help='for the report')
  parser.add_argument('--dataset', default=published.DATASET)
  arguments_lib.add_data(parser, data_help='folder with the data')
  parser.add_argument(
    '--split', default=published.SPLIT, help='one, or several: val,test'
  )
  parser.add_argument('--box', choices=preprocess.BOXES, default='annotated')
  parser.add_argument('--batch', type=int, default=16)
  parser.add_argument('--size', type=int, help='default: of the graph, or 512')
  absent = {
    'training': f'{tensors_lib.TRAINING}, if there is one',
    'features': 'none',
  }
  for field in dataclasses.fields(tensors_lib.Tensors):
    default = field.default or absent[field.name]
    parser.add_argument(
      f'--{field.name}',
      default=field.default,
      help=f'name of a tensor; default: {default}',
    )
  return parser


def _run(arguments: argparse.Namespace) -> int:
  """Checks everything, then runs split after split."""
  for flag in ('batch', 'size'):
    value = getattr(arguments, flag)
    if value is not None and value < 1:
      raise ValueError(f'--{flag}={value}; expected 1 or more.')
  workdir = epath.Path(arguments.workdir)
  data = _data_config(arguments)
  tensors = tensors_lib.Tensors(
    *(
      getattr(arguments, x.name)
      for x in dataclasses.fields(tensors_lib.Tensors)
    )
  )
  with graph.open_network(
    epath.Path(arguments.meta),
    epath.Path(arguments.checkpoint),
    tensors=tensors,
    size=arguments.size,
  ) as network:
    splits = {
      split: _load_split(data, split) for split in arguments.split.split(',')
    }
    run_identity.add_splits(
      workdir,
      _facts(arguments, network, tensors),
      splits,
      flag='--workdir',
      # TensorFlow sees only the CPU, whatever JAX has.
      devices=['cpu:TensorFlow'],
    )
    for split, examples in splits.items():
      _run_split(arguments, network, split, examples)
  print(f'python -m bit_covid.report {workdir}')
  return 0


def _data_config(arguments: argparse.Namespace) -> ml_collections.ConfigDict:
  return ml_collections.ConfigDict(
    {
      'name': arguments.dataset,
      'path': arguments.data,
      'data_dir': arguments.data_dir,
      'image_folder': arguments.image_folder,
      'box': arguments.box,
      'range_16bit': conventions.FULL_RANGE_16BIT,
      'window': (),
    }
  )


def _facts(
  arguments: argparse.Namespace,
  network: graph.Network,
  tensors: tensors_lib.Tensors,
) -> dict[str, Any]:
  """Returns the content of config.json."""
  checkpoint = epath.Path(arguments.checkpoint)
  return {
    'data': {
      'name': arguments.dataset,
      'box': arguments.box,
      'crop': network.size,
      'resize': 'TensorFlow 1, bilinear, not rounded',
    },
    'model': {
      'name': arguments.name,
      'dtype': network.image.dtype.name,
      'graph': examples_lib.digest(epath.Path(arguments.meta).read_bytes()),
      'weights': _weights_digest(checkpoint),
      **dataclasses.asdict(tensors),
    },
    'init': f'{checkpoint.name} (TensorFlow 1)',
  }


def _run_split(
  arguments: argparse.Namespace,
  network: graph.Network,
  split: str,
  examples: input_pipeline.Examples,
) -> None:
  """Writes and prints the results of a split."""
  outputs = run.run_split(
    network, examples, box=arguments.box, batch=arguments.batch, split=split
  )
  summary = files.write_results(
    epath.Path(arguments.workdir), split, examples, outputs
  )
  terminal.show_summary(split, summary)
  for sentence in beside_published(
    arguments.dataset, split, summary['confusion_matrix']
  ):
    print(sentence)


def _load_split(
  data: ml_collections.ConfigDict, split: str
) -> input_pipeline.Examples:
  examples = input_pipeline.load_split(data, split)
  if examples.class_names != conventions.COVIDX_CT:
    raise ValueError(
      f'The classes of {data.name} {split} are '
      f'{", ".join(examples.class_names)}; expected '
      f'{", ".join(conventions.COVIDX_CT)}, in this order, as COVID-Net CT has '
      'them.'
    )
  input_pipeline.check_boxes(examples, data)
  return examples


def _weights_digest(checkpoint: epath.Path) -> str:
  """Returns a digest of the content of all files of the weights."""
  paths = sorted(checkpoint.parent.glob(f'{checkpoint.name}.index')) + sorted(
    checkpoint.parent.glob(f'{checkpoint.name}.data-*')
  )
  return examples_lib.digest(b''.join(path.read_bytes() for path in paths))


if __name__ == '__main__':
  sys.exit(main())
