# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit-covid evaluate`: results of a network on given splits.

It evaluates with `inference.evaluate` and writes the same files as a training.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
import dataclasses
import functools
import json
import math
import pathlib

from etils import epath
import ml_collections
import numpy as np
import tqdm

from bit_covid.analysis import class_mapping
from bit_covid.analysis import metrics
from bit_covid.analysis import run_tables
from bit_covid.analysis import terminal
from bit_covid.base import checksums
from bit_covid.base import compilation_cache
from bit_covid.base import devices
from bit_covid.base import disk
from bit_covid.base import lines
from bit_covid.cli import own_results
from bit_covid.cli import seen_in_training
from bit_covid.engine import evaluation
from bit_covid.inference import detector as detector_lib
from bit_covid.inference import evaluate
from bit_covid.inference import other_classes
from bit_covid.inference import preparation
from bit_covid.report import numbers
from bit_covid.report import values
from bit_covid.training import ledger
from bit_covid.training import manifest
from bit_covid.training import run_directory
from bit_covid.training import run_identity
from bit_covid.weights import ensemble_checkpoint
from bit_covid.weights import find
from bit_covid.weights import metadata as metadata_lib
import input_pipeline
from input_pipeline import data_kind
from input_pipeline import examples as examples_lib


def run(arguments: argparse.Namespace, output: pathlib.Path) -> None:
  """Writes and prints the results of the splits that the arguments name.

  Raises:
    FileNotFoundError: checkpoint or data do not exist.
    ValueError: checkpoint, data or folder are invalid, or do not fit together.
  """
  compilation_cache.enable()
  paths = find.find_checkpoints(arguments.checkpoint)
  checkpoint = ensemble_checkpoint.load(paths, flips=arguments.flips)
  forward, of_engine = evaluation.make_forward(checkpoint, arguments.engine)
  config = _data_config(arguments, checkpoint.metadata)
  # Of the runs to which the networks belong, wherever the results go.
  owners = [_owner(path, output) for path in paths]
  names = [x.strip() for x in arguments.split.split(',')]
  if not set(names).issubset(ledger.OPEN):
    for owner in owners:
      disk.check_folder(owner, 'CHECKPOINT')
  splits = {name: input_pipeline.load_split(config, name) for name in names}
  mapping = _mapping(
    arguments, checkpoint.metadata.class_names, splits[names[0]].class_names
  )
  for name in names:
    splits[name] = other_classes.restated(splits[name], mapping)
    input_pipeline.check_evaluation(splits[name], config)
    if len(paths) > 1:
      own = checkpoint.metadata.facts.get('data')
      notes = seen_in_training.check(
        splits[name], name, paths, is_same_data=own == config.name
      )
      for text in notes:
        lines.say(f'Note: {text}')
  workdir = epath.Path(output)
  if arguments.output is None:
    own_results.check(workdir, config, splits)
  else:
    facts = _facts(config, checkpoint.model_name, paths, mapping.text)
    facts |= of_engine
    run_identity.begin_evaluation(workdir, facts, splits, flag='--output')
  params = devices.replicate(checkpoint.params)
  features = _evaluate(
    functools.partial(evaluate.evaluate, forward, params),
    config,
    splits,
    workdir,
    mapping,
    batch=arguments.batch,
  )
  for path, owner in zip(paths, owners, strict=True):
    digest = checksums.of_file(epath.Path(path))
    for name, examples in splits.items():
      data = examples.fingerprint
      ledger.add(epath.Path(owner), name, checkpoint=digest, fingerprint=data)
  if mapping.text:
    lines.say(f'Classes: {mapping.text}.')
  found = _show(workdir, list(splits))
  for name, examples in splits.items():
    units = 'patients' if found[name]['slice']['patients_known'] else 'slices'
    text = _unlike_training(
      paths[0], config, examples, features[name], units=units
    )
    lines.say(f'{name}, unlike the training: {text}')


def _owner(path: pathlib.Path, output: pathlib.Path) -> pathlib.Path:
  is_in_run = (path.parent / 'config.json').is_file()
  return path.parent if is_in_run else output


def _data_config(
  arguments: argparse.Namespace, metadata: metadata_lib.Metadata
) -> ml_collections.ConfigDict:
  dataset = _dataset(arguments, metadata.facts.get('data') or '')
  if not dataset:
    raise ValueError(
      'The checkpoint does not say which data it was trained on; give '
      '--dataset=NAME.'
    )
  config = ml_collections.ConfigDict(
    dict(metadata.preprocessing or preparation.DEFAULT)
  )
  config.update(
    name=dataset,
    range_16bit=tuple(config.range_16bit),
    path=arguments.data,
    data_dir=arguments.data_dir,
    image_folder=arguments.image_folder,
    window=metadata.window or (),
    box=arguments.box or config.box,
  )
  return config


def _dataset(arguments: argparse.Namespace, own: str) -> str:
  """Returns the name of the data set: the given one, or that of the network.

  A path that holds another kind of data set names it.
  """
  found = data_kind.of_path(arguments.data, own=own)
  is_own = not found or found.partition('/')[0] == own.partition('/')[0]
  return arguments.dataset or (own if is_own else found)


def _mapping(
  arguments: argparse.Namespace,
  network: Sequence[str],
  data: Sequence[str],
) -> class_mapping.ClassMapping:
  chosen = class_mapping.parse(arguments.map)
  class_mapping.check_used(chosen, [data])
  return class_mapping.make(network, data, chosen)


def _facts(
  config: ml_collections.ConfigDict,
  model_name: str,
  paths: Sequence[pathlib.Path],
  classes: str,
) -> dict[str, object]:
  """Returns the content of config.json on the network and its data."""
  weights = ' '.join(examples_lib.digest(x.read_bytes()) for x in paths)
  return {
    'data': run_identity.without_places(json.loads(config.to_json())),
    'model': {
      'name': model_name,
      'dtype': own_results.DTYPE,
      'weights': weights,
    },
    'init': ', '.join(x.name for x in paths),
    'classes': classes or None,
  }


def _evaluate(
  evaluate_fn: Callable[..., evaluate.Outputs],
  config: ml_collections.ConfigDict,
  splits: Mapping[str, input_pipeline.Examples],
  workdir: epath.Path,
  mapping: class_mapping.ClassMapping,
  *,
  batch: int,
) -> dict[str, np.ndarray]:
  """Returns the features of each split, after writing its results."""
  features = {}
  for name, examples in splits.items():
    steps = math.ceil(len(examples) / max(batch, 1))
    with tqdm.tqdm(total=steps, desc=name, unit='step', disable=None) as bar:
      outputs = evaluate_fn(examples, config, batch=batch, on_batch=bar.update)
    merged = dataclasses.replace(
      outputs, logits=mapping.merged_logits(outputs.logits)
    )
    table = run_directory.predictions_table(examples, merged)
    run_directory.write_results(
      workdir, name, table, outputs.features, show=False
    )
    run_identity.add_split(workdir, name, examples)
    features[name] = outputs.features
  return features


def _unlike_training(
  path: pathlib.Path,
  config: ml_collections.ConfigDict,
  examples: input_pipeline.Examples,
  features: np.ndarray,
  *,
  units: str,
) -> str:
  """Returns how many of the units, patients or slices, are warned of."""
  detector, reason = detector_lib.find(path, num_features=features.shape[1])
  if detector is None:
    return f'not checked, as {reason}.'
  known = detector.facts['box']
  if config.box != known:
    return (
      f'not checked, as the limits are for boxes that are {known}, and these '
      f'were {config.box} (--box={known} --output=FOLDER checks it).'
    )
  judged = detector.judge(detector.distances(features), examples.patient_id)
  caution = (judged.is_warned & ~judged.is_refused).sum()
  return (
    f'caution for {caution} and refusal of {judged.is_refused.sum()} of '
    f'{len(judged.distance):,} {units}.'
  )


def _show(workdir: epath.Path, names: Sequence[str]) -> values.Json:
  """Returns the numbers of a report, after printing those of some splits."""
  # Of all evaluated splits, since thresholds for test are chosen on val.
  found = numbers.collect(run_tables.read(workdir))
  kept = metrics.read_json(workdir)
  metrics.update_json(
    workdir,
    {name: kept.get(name, {}) | of_split for name, of_split in found.items()},
  )
  manifest.update(workdir, 'report/metrics.json')
  for name in names:
    terminal.show_intervals(name, found[name])
  return found
