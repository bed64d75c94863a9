# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Another data set on which a trained network is judged as well."""

from collections.abc import Mapping, Sequence
import dataclasses
import pathlib
from typing import NamedTuple

import jax
import ml_collections
import numpy as np
import pandas as pd

from bit_covid.analysis import class_mapping
from bit_covid.audit import slices as slices_lib
from bit_covid.base import devices
from bit_covid.inference import evaluate
from bit_covid.inference import network as network_lib
from bit_covid.inference import other_classes
from bit_covid.training import run_directory
import input_pipeline
from input_pipeline import data_kind
from input_pipeline import examples as examples_lib

# Of each device. A step takes longer than what it loads.
_BATCH = 16


class ExternalSet(NamedTuple):
  """A data set of other origin than that of a run.

  Attributes:
    examples: slices of all its splits, in the classes that it shares with the
      network.
    total: how many slices it has; more than `examples` if some were drawn.
    mapping: from the classes of both.
    config: the field `data` of a config, with the preprocessing of the run.
  """

  examples: input_pipeline.Examples
  total: int
  mapping: class_mapping.ClassMapping
  config: ml_collections.ConfigDict

  def predictions(self, network: network_lib.Network) -> pd.DataFrame:
    """Returns the predictions table, computed as after a training."""
    outputs = evaluate.evaluate(
      evaluate.make_forward(network.model),
      devices.replicate(network.params),
      self.examples,
      self.config,
      batch=_BATCH * jax.device_count(),
    )
    logits = self.mapping.merged_logits(outputs.logits)
    return run_directory.predictions_table(
      self.examples, dataclasses.replace(outputs, logits=logits)
    )


def load(
  names: Sequence[str],
  network: network_lib.Network,
  *,
  chosen: Mapping[str, set[str]],
  data_dir: str,
  max_images: int,
  seed: int,
) -> dict[str, ExternalSet]:
  """Returns data sets by their names in tables.

  Args:
    names: folders, CSV files, or names of prepared data sets.
    network: that is judged.
    chosen: of `class_mapping.parse`.
    data_dir: folder of prepared data sets.
    max_images: number of slices of a data set that are drawn; 0: all.
    seed: of the drawing.

  Raises:
    FileNotFoundError: there is no such data set.
    ValueError: a data set is invalid, or its classes do not fit.
  """
  found = {}
  for name in names:
    config = _config(name, network, data_dir)
    parts = input_pipeline.load_all_splits(config)
    found[name] = config, examples_lib.join([*parts.values()])
  classes = [examples.class_names for _, examples in found.values()]
  class_mapping.check_used(chosen, classes)
  result = {}
  for name, (config, examples) in found.items():
    mapping = class_mapping.make(
      network.class_names, examples.class_names, chosen
    )
    examples = other_classes.restated(examples, mapping)
    rows = slices_lib.sample(len(examples), max_images, seed=seed)
    drawn = _with_boxes(examples.take(rows), config)
    input_pipeline.check_evaluation(drawn, config)
    short = _short(name)
    result[name if short in result else short] = ExternalSet(
      drawn, len(examples), mapping, config
    )
  return result


def _short(name: str) -> str:
  """Returns the last part of a folder's path, or the last two of a file's."""
  path = pathlib.Path(name)
  if path.is_file():
    return '/'.join(path.parts[-2:])
  return path.name if path.is_dir() else name


def _config(
  name: str, network: network_lib.Network, data_dir: str
) -> ml_collections.ConfigDict:
  kind = data_kind.of_path(name)
  config = ml_collections.ConfigDict(network.preprocessing)
  config.update(
    name=kind or name,
    range_16bit=tuple(config.range_16bit),
    path=name if kind else '',
    data_dir=data_dir,
    image_folder='',
  )
  return config


def _with_boxes(
  examples: input_pipeline.Examples, config: ml_collections.ConfigDict
) -> input_pipeline.Examples:
  """Returns the slices, whose boxes are found in them if some have none.

  So it is done for scans, too. The config is changed.
  """
  if config.box != 'annotated' or examples.box.any(axis=1).all():
    return examples
  config.box = 'automatic'
  return dataclasses.replace(examples, box=np.zeros_like(examples.box))
