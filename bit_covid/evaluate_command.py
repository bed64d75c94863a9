# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Evaluates a network on splits of its own data or of others.

    bit-covid evaluate runs/bit_m --split=test
    bit-covid evaluate runs/bit_m --dataset=image_folder --data=own.csv \
        --output=runs/bit_m_elsewhere

The one evaluation that there is, `evaluate.evaluate`, on what is asked for.
"""

import argparse
from collections.abc import Mapping, Sequence
import json
import math
import pathlib
from typing import TYPE_CHECKING

from bit_covid import commands

if TYPE_CHECKING:
  import ml_collections

  from bit_covid import bit_npz
  import input_pipeline


def main(argv: Sequence[str] | None = None) -> int:
  """Evaluates what the arguments name; returns the exit code."""
  arguments = _parser().parse_args(argv)
  return commands.run(
    lambda: _run(arguments),
    debug=arguments.debug,
    words=commands.FIELDS_AS_FLAGS,
  )


def _parser() -> argparse.ArgumentParser:
  parser = commands.make_parser(
    'bit_covid.evaluate_command',
    description='Evaluates a network on splits of its own data or of others: '
    'each slice once, and intervals over patients.',
    examples=(
      'runs/bit_m --split=val,test',
      'On your own images, in a CSV:\n'
      'runs/bit_m --dataset=image_folder --data=images.csv --box=automatic '
      '--output=runs/elsewhere',
      'On another version of COVIDx CT:\n'
      'model.npz --dataset=covidx_ct/3a --data=COVIDX_FOLDER '
      '--output=runs/3a',
    ),
    notes='It writes predictions/<split>.csv, features, and the numbers in '
    'report/metrics.json.\n`bit-covid report OUTPUT` draws the rest.',
  )
  parser.add_argument(
    'checkpoint',
    metavar='CHECKPOINT',
    help='work directory of a training, or an .npz file',
  )
  parser.add_argument(
    '--split', default='test', help='one, or several: val,test; default: test'
  )
  parser.add_argument(
    '--output',
    type=pathlib.Path,
    help='folder; default: the work directory, for data of its training',
  )
  parser.add_argument(
    '--dataset', help='such as covidx_ct/2a or image_folder; default: its own'
  )
  parser.add_argument(
    '--data', default='', help='folder with COVIDx CT; folder or CSV of images'
  )
  parser.add_argument('--data_dir', default='', help='of prepared datasets')
  parser.add_argument('--image_folder', default='', help='in --data')
  parser.add_argument(
    '--box',
    choices=('annotated', 'automatic', 'none'),
    help='what slices are cropped to; default: as in the training',
  )
  parser.add_argument(
    '--batch', type=int, default=64, help='slices a step; default: %(default)s'
  )
  parser.add_argument(
    '--replicates',
    type=int,
    default=2000,
    help='drawings of patients for the intervals, default: %(default)s',
  )
  return parser


def _run(arguments: argparse.Namespace) -> int:
  output = _output(arguments)
  # JAX and TensorFlow: not before the arguments are known to be right.
  from etils import epath

  from bit_covid import bit_npz
  from bit_covid import classifier
  from bit_covid import compilation_cache
  from bit_covid import evaluated_network
  import input_pipeline

  compilation_cache.enable()
  path = classifier.find_checkpoint(arguments.checkpoint)
  checkpoint = bit_npz.load(path)
  config = _data_config(arguments, checkpoint)
  splits = {}
  for name in arguments.split.split(','):
    splits[name] = input_pipeline.load_split(config, name)
    _check_classes(splits[name], checkpoint, name)
    input_pipeline.check_evaluation(splits[name], config)
  if arguments.output is None:
    _check_own_data(output, splits)
  else:
    evaluated_network.write_facts(
      epath.Path(output),
      _facts(config, checkpoint, path),
      splits,
      flag='--output',
    )
  _evaluate(checkpoint, config, splits, output, arguments)
  print(f'Predictions: {output / "predictions"}')
  print(f'Report: bit-covid report {output}')
  return 0


def _output(arguments: argparse.Namespace) -> pathlib.Path:
  """Returns the folder of the results.

  Raises:
    ValueError: it was not given, and there is no work directory.
  """
  if arguments.output is not None:
    return arguments.output.expanduser()
  folder = pathlib.Path(arguments.checkpoint).expanduser()
  if not (folder / 'config.json').is_file():
    raise ValueError(
      f'{arguments.checkpoint} is no work directory that results could be '
      'added to; give --output=FOLDER.'
    )
  return folder


def _data_config(
  arguments: argparse.Namespace, checkpoint: 'bit_npz.Checkpoint'
) -> 'ml_collections.ConfigDict':
  """Returns the field `data` of a config: the data asked for, as in training.

  Raises:
    ValueError: the data were not named, and the checkpoint does not know.
  """
  import ml_collections

  from bit_covid import classifier

  metadata = checkpoint.metadata
  dataset = arguments.dataset or metadata.facts.get('data')
  if not dataset:
    raise ValueError(
      'The checkpoint does not say which data it was trained on; give '
      '--dataset=NAME.'
    )
  config = ml_collections.ConfigDict(
    dict(metadata.preprocessing or classifier.DEFAULT_PREPROCESSING)
  )
  config.range_16bit = tuple(config.range_16bit)
  config.name = dataset
  config.path, config.data_dir = arguments.data, arguments.data_dir
  config.image_folder = arguments.image_folder
  config.window = metadata.window or ()
  if arguments.box:
    config.box = arguments.box
  return config


def _check_classes(
  examples: 'input_pipeline.Examples',
  checkpoint: 'bit_npz.Checkpoint',
  split: str,
) -> None:
  known = checkpoint.metadata.class_names
  if examples.class_names != known:
    raise ValueError(
      f'The classes of {split} are {", ".join(examples.class_names)}; the '
      f'network tells {", ".join(known)}. Name them alike, in this order.'
    )


def _check_own_data(
  folder: pathlib.Path, splits: Mapping[str, 'input_pipeline.Examples']
) -> None:
  """Raises ValueError unless the data are those of the run in the folder."""
  known = json.loads((folder / 'config.json').read_text())['fingerprints']
  for name, examples in splits.items():
    if known.get(name) != examples.fingerprint:
      raise ValueError(
        f'{name} is no split of the data that {folder} was trained and '
        f'evaluated on ({", ".join(known)}); give --output=FOLDER, so that '
        'they are not mixed.'
      )


def _facts(
  config: 'ml_collections.ConfigDict',
  checkpoint: 'bit_npz.Checkpoint',
  path: pathlib.Path,
) -> dict[str, object]:
  """Returns what config.json is to say of network and data."""
  from input_pipeline import examples

  # Where the data lie is no part of what they are.
  places = ('path', 'data_dir', 'image_folder')
  data = {k: v for k, v in config.to_dict().items() if k not in places}
  return {
    'data': json.loads(json.dumps(data)),
    'model': {
      'name': checkpoint.model,
      'dtype': 'float32',
      'weights': examples.digest(path.read_bytes()),
    },
    'init': path.name,
  }


def _evaluate(
  checkpoint: 'bit_npz.Checkpoint',
  config: 'ml_collections.ConfigDict',
  splits: Mapping[str, 'input_pipeline.Examples'],
  output: pathlib.Path,
  arguments: argparse.Namespace,
) -> None:
  """Writes and prints the results of each split."""
  from etils import epath
  import tqdm

  from bit_covid import devices
  from bit_covid import evaluate
  from bit_covid import resnet_v2
  from bit_covid import work_directory

  network = resnet_v2.create(
    checkpoint.model, num_classes=len(checkpoint.metadata.class_names)
  )
  forward = evaluate.make_forward(network)
  params = devices.replicate(checkpoint.params)
  for name, examples in splits.items():
    steps = math.ceil(len(examples) / max(arguments.batch, 1))
    with tqdm.tqdm(total=steps, desc=name, unit='step', disable=None) as bar:
      outputs = evaluate.evaluate(
        forward,
        params,
        examples,
        config,
        batch=arguments.batch,
        on_batch=bar.update,
      )
    work_directory.write_results(
      epath.Path(output), name, examples, outputs, show=False
    )
  _show(output, list(splits), arguments.replicates)


def _show(folder: pathlib.Path, names: Sequence[str], replicates: int) -> None:
  """Writes the numbers of a report, and prints those of the splits named."""
  from etils import epath

  from bit_covid import atomic_file
  from bit_covid.analysis import terminal
  from bit_covid.analysis.report import files
  from bit_covid.analysis.report import numbers
  from bit_covid.analysis.report import values

  # With all splits that there are: thresholds of test are chosen on val.
  found = numbers.collect(
    files.read_tables(epath.Path(folder)),
    settings=values.Settings(replicates=replicates),
  )
  path = epath.Path(folder) / 'report' / 'metrics.json'
  kept = json.loads(path.read_text())
  for name, of_split in found.items():
    kept[name] = kept.get(name, {}) | of_split
  atomic_file.write_json(path, kept)
  for name in names:
    terminal.show_intervals(name, found[name])
