# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs a public COVID-Net CT checkpoint on a split, for the same evidence.

    python -m bit_covid.paper.covidnet --meta=CT-2_L/model.meta \
        --checkpoint=CT-2_L/model --data=COVIDX_FOLDER --workdir=runs/ct_2_l

The work directory gets what `bit_covid.report` and `.compare` need. A graph is
a program: run only one whose origin you trust. It runs on the CPU.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from etils import epath
import ml_collections
import numpy as np

from bit_covid.analysis import published
from bit_covid.analysis import terminal
from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import disk
from bit_covid.base import lines
from bit_covid.paper.covidnet import graph
from bit_covid.paper.covidnet import run
from bit_covid.paper.covidnet import tensors as tensors_lib
from bit_covid.training import run_identity
import input_pipeline
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
  """Returns the exit code after running what the arguments ask for."""
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
  add = parser.add_argument
  add('--meta', required=True, help='the graph: model.meta')
  add(
    '--checkpoint',
    required=True,
    help="the weights: model.index without '.index'",
  )
  add('--workdir', required=True, help='for the results')
  add('--name', default='COVID-Net CT', help='for the report')
  add('--dataset', default=published.DATASET)
  arguments_lib.add_data(parser, data_help='folder with the data')
  add('--split', default=published.SPLIT, help='one, or several: val,test')
  add('--box', choices=preprocess.BOXES, default='annotated')
  add('--batch', type=int, default=16)
  add('--size', type=int, help='default: of the graph, or 512')
  absent = {
    'training': f'{tensors_lib.TRAINING}, if there is one',
    'features': 'none',
  }
  for name, value in tensors_lib.NAMES.items():
    text = f'name of a tensor; default: {value or absent[name]}'
    add(f'--{name}', default=value, help=text)
  return parser


def _run(arguments: argparse.Namespace) -> int:
  for flag in ('batch', 'size'):
    value = getattr(arguments, flag)
    if value is not None and value < 1:
      raise ValueError(f'--{flag}={value}; expected 1 or more.')
  workdir = epath.Path(arguments.workdir)
  disk.check_folder(workdir, '--workdir', subfolders=('predictions', 'report'))
  names = {name: getattr(arguments, name) for name in tensors_lib.NAMES}
  with graph.open_network(
    epath.Path(arguments.meta),
    epath.Path(arguments.checkpoint),
    names=names,
    size=arguments.size,
  ) as network:
    splits = {
      split: _load_split(arguments, split)
      for split in arguments.split.split(',')
    }
    run_identity.begin_evaluation(
      workdir,
      _facts(arguments, network.ports),
      splits,
      flag='--workdir',
      # TensorFlow sees only the CPU, whatever JAX has.
      devices=['cpu:TensorFlow'],
    )
    for split, examples in splits.items():
      outputs = run.run_split(
        network, examples, box=arguments.box, batch=arguments.batch, split=split
      )
      summary = run.write_results(workdir, split, examples, outputs)
      run_identity.add_split(workdir, split, examples)
      terminal.show_summary(split, summary)
      matrix = summary['confusion_matrix']
      for sentence in beside_published(arguments.dataset, split, matrix):
        lines.say(sentence)
  lines.say(f'python -m bit_covid.report {workdir}')
  return 0


def _load_split(
  arguments: argparse.Namespace, split: str
) -> input_pipeline.Examples:
  data = ml_collections.ConfigDict(
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


def _facts(
  arguments: argparse.Namespace, ports: tensors_lib.Ports
) -> dict[str, Any]:
  """Returns the content of config.json."""
  checkpoint = epath.Path(arguments.checkpoint)
  # All files of the weights.
  paths = [checkpoint.with_name(f'{checkpoint.name}.index')]
  paths += sorted(checkpoint.parent.glob(f'{checkpoint.name}.data-*'))
  weights = b''.join(path.read_bytes() for path in paths)
  return {
    'data': {
      'name': arguments.dataset,
      'box': arguments.box,
      'crop': ports.size,
      'resize': 'TensorFlow 1, bilinear, not rounded',
    },
    'model': {
      'name': arguments.name,
      'dtype': ports.image.dtype.name,
      'graph': examples_lib.digest(epath.Path(arguments.meta).read_bytes()),
      'weights': examples_lib.digest(weights),
      **{name: getattr(arguments, name) for name in tensors_lib.NAMES},
    },
    'init': f'{checkpoint.name} (TensorFlow 1)',
  }
