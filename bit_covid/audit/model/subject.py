# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the checks of a trained network look at: the network and its data."""

from collections.abc import Mapping
import pathlib
import types
from typing import NamedTuple

from etils import epath
import numpy as np
import pandas as pd

from bit_covid.analysis import run_tables
from bit_covid.audit import slices as slices_lib
from bit_covid.audit.model import external_set
from bit_covid.inference import network as network_lib
from bit_covid.training import run_identity
import input_pipeline

# The split on which networks are trained.
TRAIN = 'train'


class Subject(NamedTuple):
  """A run on trial.

  Attributes:
    workdir: of the run.
    network: its trained network.
    splits: its data, by the name of the split.
    tables: its predictions tables, by the name of the split. Their rows are in
      the order of the split.
    judged: the split whose results are on trial, such as 'test'.
    max_images: how many images a check may read.
    seed: of all that is drawn.
    random_labels: whether a network is trained on random labels.
    external: data sets of other origins, by their names in tables.
  """

  workdir: epath.Path
  network: network_lib.Network
  splits: Mapping[str, input_pipeline.Examples]
  tables: Mapping[str, pd.DataFrame]
  judged: str
  max_images: int
  seed: int
  random_labels: bool = False
  external: Mapping[str, external_set.ExternalSet] = types.MappingProxyType({})

  @property
  def table(self) -> pd.DataFrame:
    """The predictions table of the judged split."""
    return self.tables[self.judged]

  @property
  def examples(self) -> input_pipeline.Examples:
    """The slices of the judged split."""
    return self.splits[self.judged]

  def sample(self, split: str) -> np.ndarray:
    """Returns up to `max_images` random slices of a split, `[n]` int, sorted.

    The same slices are drawn for each check.
    """
    return slices_lib.sample(
      len(self.splits[split]), self.max_images, seed=self.seed
    )

  def prepared(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Returns a slice as the network gets it, `[S, S, 1]` uint8.

    Args:
      image: `[H, W]` uint8.
      box: `[4]` int, the annotated box, or zeros.
    """
    return self.network.prepare(image, box)[0]


def load(
  run: str | pathlib.Path,
  splits: Mapping[str, input_pipeline.Examples],
  *,
  max_images: int,
  seed: int,
) -> Subject:
  """Returns the subject of a finished run and the data that it was trained on.

  Raises:
    FileNotFoundError: the folder holds no model.
    ValueError: the run was not evaluated, or was trained on other data.
  """
  workdir = epath.Path(run).expanduser().absolute()
  network = network_lib.Network.load(workdir)
  facts = run_identity.read(workdir) or {}
  _check_same_data(workdir, facts.get('fingerprints') or {}, splits)
  tables = run_tables.read(workdir)
  judged = run_tables.main_split(list(tables))
  if judged not in splits:
    raise ValueError(
      f'{workdir} was evaluated on {", ".join(tables)}, of which the data set '
      'has none; name the data that it was trained on.'
    )
  return Subject(workdir, network, splits, tables, judged, max_images, seed)


def _check_same_data(
  workdir: epath.Path,
  known: Mapping[str, str],
  splits: Mapping[str, input_pipeline.Examples],
) -> None:
  for name, fingerprint in known.items():
    found = splits.get(name)
    if found is not None and found.fingerprint != fingerprint:
      raise ValueError(
        f'{name} is not the split that {workdir} was trained or evaluated on '
        f'(fingerprint {found.fingerprint} here, {fingerprint} there). Name '
        'the data that it was trained on; `bit-covid evaluate` takes others.'
      )
