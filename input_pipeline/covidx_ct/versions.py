# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The versions of COVIDx CT and their split files."""

import dataclasses
import hashlib

from etils import epath
import tensorflow_datasets as tfds

from input_pipeline import conventions
from input_pipeline.covidx_ct import split_file

# The versions in the names of the train split file, and of those of val and
# test: the B versions only add unverified cases to train.
VERSIONS = {'2A': '2A', '1': '1', '2B': '2A', '3A': '3A', '3B': '3A'}


@dataclasses.dataclass(kw_only=True)
class CovidxCtConfig(tfds.core.BuilderConfig):
  """A version of COVIDx CT.

  Attributes:
    train: the version in the name of the train split file.
    held_out: the version in the names of the val and test split files.
    is_prepared: whether slices are stored cropped and resized.
  """

  train: str
  held_out: str
  is_prepared: bool = False

  def split_file_name(self, split: str) -> str:
    """Returns the name of the file that lists the slices of a split."""
    version = self.train if split == 'train' else self.held_out
    return f'{split}_COVIDx_CT-{version}.txt'

  def split_files(self, manual_dir: epath.Path) -> dict[str, epath.Path]:
    """Returns the split files that are in the folder, by split."""
    paths = {
      split: manual_dir / self.split_file_name(split)
      for split in conventions.SPLITS
    }
    return {split: path for split, path in paths.items() if path.exists()}


def read_splits(
  config: CovidxCtConfig, manual_dir: epath.Path
) -> split_file.Splits:
  """Returns the slices of each split whose file is in the folder.

  Raises:
    FileNotFoundError: the folder holds no split file of this version.
    ValueError: a line of a split file is invalid.
  """
  paths = config.split_files(manual_dir)
  if not paths:
    names = map(config.split_file_name, conventions.SPLITS)
    raise FileNotFoundError(
      f'There is no split file of COVIDx CT-{config.train} in {manual_dir}; '
      f'expected one or more of {", ".join(names)}.'
    )
  return {split: split_file.read(path) for split, path in paths.items()}


def split_digests(
  config: CovidxCtConfig, manual_dir: epath.Path
) -> dict[str, str]:
  """Returns the sha256 of each split file in the folder, by split.

  A prepared data set stores them, so that it is not mistaken for one made from
  another folder of the same version.
  """
  return {
    split: hashlib.sha256(path.read_bytes()).hexdigest()
    for split, path in config.split_files(manual_dir).items()
  }
