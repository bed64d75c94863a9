# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit-covid evaluate`: results of a network on given splits.

It evaluates with `inference.evaluate` and writes the same files as a training.
"""

import argparse
from collections.abc import Mapping, Sequence
import dataclasses
import json
import math
import pathlib

from etils import epath
import ml_collections
import numpy as np
import tqdm

from bit_covid import report
from bit_covid.analysis import metrics_json
from bit_covid.analysis import terminal
from bit_covid.base import compilation_cache
from bit_covid.base import devices
from bit_covid.inference import evaluate
from bit_covid.inference import network as network_lib
from bit_covid.models import resnet_v2
from bit_covid.report import numbers
from bit_covid.report import values
from bit_covid.training import evaluated_network
from bit_covid.training import run_directory
from bit_covid.weights import bit_npz
from bit_covid.weights import find
import input_pipeline
from input_pipeline import examples as examples_lib


def run(arguments: argparse.Namespace, output: pathlib.Path) -> None:
  """Writes and prints the results of the splits that the arguments name.

  Args:
    arguments: of `evaluate.py`.
    output: folder of the results.

  Raises:
    FileNotFoundError: checkpoint or data do not exist.
    ValueError: checkpoint, data or folder are invalid, or do not fit together.
  """
  compilation_cache.enable()
  path = find.find_checkpoint(arguments.checkpoint)
  checkpoint = bit_npz.load(path)
  config = _data_config(arguments, checkpoint)
  splits = {}
  for name in arguments.split.split(','):
    examples = input_pipeline.load_split(config, name)
    splits[name] = _with_classes(examples, checkpoint, name)
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


def _data_config(
  arguments: argparse.Namespace, checkpoint: bit_npz.Checkpoint
) -> ml_collections.ConfigDict:
  """Returns the field `data` of a config, with the training's preprocessing.

  Raises:
    ValueError: neither the arguments nor the checkpoint name the data.
  """
  metadata = checkpoint.metadata
  dataset = arguments.dataset or metadata.facts.get('data')
  if not dataset:
    raise ValueError(
      'The checkpoint does not say which data it was trained on; give '
      '--dataset=NAME.'
    )
  config = ml_collections.ConfigDict(
    dict(metadata.preprocessing or network_lib.DEFAULT_PREPROCESSING)
  )
  config.range_16bit = tuple(config.range_16bit)
  config.name = dataset
  config.path, config.data_dir = arguments.data, arguments.data_dir
  config.image_folder = arguments.image_folder
  config.window = metadata.window or ()
  if arguments.box:
    config.box = arguments.box
  return config


def _with_classes(
  examples: input_pipeline.Examples,
  checkpoint: bit_npz.Checkpoint,
  split: str,
) -> input_pipeline.Examples:
  """Returns the split with the classes of the network, of which it has some."""
  known = checkpoint.metadata.class_names
  if examples.class_names == known:
    return examples
  others = [x for x in examples.class_names if x not in known]
  if others:
    raise ValueError(
      f'The classes of {split} include {", ".join(others)}; the network tells '
      f'{", ".join(known)}. Name them alike.'
    )
  numbers = np.array([known.index(x) for x in examples.class_names], np.int32)
  return dataclasses.replace(
    examples,
    class_names=known,
    label=np.where(examples.label < 0, -1, numbers[examples.label]),
  )


def _check_own_data(
  folder: pathlib.Path, splits: Mapping[str, input_pipeline.Examples]
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
  config: ml_collections.ConfigDict,
  checkpoint: bit_npz.Checkpoint,
  path: pathlib.Path,
) -> dict[str, object]:
  """Returns the content of config.json on the network and its data."""
  # Without folders: they do not identify the data.
  places = ('path', 'data_dir', 'image_folder')
  data = {k: v for k, v in config.to_dict().items() if k not in places}
  return {
    'data': json.loads(json.dumps(data)),
    'model': {
      'name': checkpoint.model_name,
      'dtype': 'float32',
      'weights': examples_lib.digest(path.read_bytes()),
    },
    'init': path.name,
  }


def _evaluate(
  checkpoint: bit_npz.Checkpoint,
  config: ml_collections.ConfigDict,
  splits: Mapping[str, input_pipeline.Examples],
  output: pathlib.Path,
  arguments: argparse.Namespace,
) -> None:
  """Writes and prints the results of each split."""
  network = resnet_v2.create(
    checkpoint.model_name, num_classes=len(checkpoint.metadata.class_names)
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
    run_directory.write_results(
      epath.Path(output),
      name,
      run_directory.predictions_table(examples, outputs),
      outputs.features,
      show=False,
    )
  _show(output, list(splits), arguments.replicates)


def _show(folder: pathlib.Path, names: Sequence[str], replicates: int) -> None:
  """Writes the numbers of a report, and prints those of the named splits."""
  # Of all evaluated splits, since thresholds for test are chosen on val.
  found = numbers.collect(
    report.read_tables(epath.Path(folder)),
    settings=values.Settings(num_resamples=replicates),
  )
  kept = metrics_json.read(epath.Path(folder))
  metrics_json.update(
    epath.Path(folder),
    {name: kept.get(name, {}) | of_split for name, of_split in found.items()},
  )
  for name in names:
    terminal.show_intervals(name, found[name])
