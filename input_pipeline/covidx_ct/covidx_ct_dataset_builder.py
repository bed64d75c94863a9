# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""tfds builder of COVIDx CT 1, 2A, 2B, 3A and 3B, from the Kaggle layout.

    builder = covidx_ct.Builder(config='2a', file_format='array_record')
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=folder))

`manual_dir` holds the split files and, beside them, `<version>_images/`. The
PNG files are stored byte for byte. Each is decoded once before, to check that
it is whole and contains its box. The configs `<version>_512` store slices that
are already decoded, cropped and resized: see `prepared_slices`.
"""

from collections.abc import Iterator, Sequence
import dataclasses
import hashlib
import itertools
from typing import Any

from etils import epath
import numpy as np
import tensorflow_datasets as tfds
import tqdm

from input_pipeline import conventions
from input_pipeline import names
from input_pipeline import preprocess
from input_pipeline import threads
from input_pipeline.covidx_ct import prepared_slices
from input_pipeline.covidx_ct import split_file

# The versions in the names of the train split file, and of those of val and
# test: the B versions only add unverified cases to train.
_VERSIONS = {'2A': '2A', '1': '1', '2B': '2A', '3A': '3A', '3B': '3A'}


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


class Builder(tfds.core.GeneratorBasedBuilder):
  """COVIDx CT: axial chest CT slices of Normal, CP and NCP patients."""

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES = {'1.0.0': 'First release.'}
  BUILDER_CONFIGS = [
    CovidxCtConfig(
      name=train.lower() + suffix,
      description=f'COVIDx CT-{train}{note}.',
      train=train,
      held_out=held_out,
      is_prepared=bool(suffix),
    )
    for suffix, note in (('', ''), ('_512', ', slices cropped and resized'))
    for train, held_out in _VERSIONS.items()
  ]
  MANUAL_DOWNLOAD_INSTRUCTIONS = """\
  Download COVIDx CT from https://www.kaggle.com/datasets/hgunraj/covidxct and
  unpack it: the split files, such as train_COVIDx_CT-2A.txt, and beside them
  the folder of images, such as 2A_images/, belong in manual_dir.
  """

  def __init__(self, *, image_folder: str = '', **kwargs: Any):
    # The name of the image folder in manual_dir; '' for `<version>_images`.
    self._image_folder = image_folder
    super().__init__(**kwargs)

  def preparation(self, split: str) -> preprocess.Preprocessing | None:
    """Returns how stored slices were preprocessed; None if they are whole."""
    if not self.builder_config.is_prepared:
      return None
    return prepared_slices.preparation(split)

  def check_source(self, manual_dir: epath.Path) -> None:
    """Checks that this was prepared from the split files in the folder.

    Raises:
      ValueError: it was prepared from others.
    """
    prepared = self.info.metadata['split_digests']
    if split_digests(self.builder_config, manual_dir) != prepared:
      raise ValueError(
        f'{self.data_path} was prepared from other split files than those '
        f'in {manual_dir}. Remove that folder to prepare it anew, set '
        'config.data.data_dir to another place, or leave config.data.path '
        'empty to use what was prepared.'
      )

  def _info(self) -> tfds.core.DatasetInfo:
    png = tfds.features.Image(
      shape=(None, None, 1), dtype=np.uint8, encoding_format='png'
    )
    is_prepared = self.builder_config.is_prepared
    info = self.dataset_info_from_configs(
      features=tfds.features.FeaturesDict(
        {
          'image': prepared_slices.feature() if is_prepared else png,
          'label': tfds.features.ClassLabel(names=conventions.COVIDX_CT),
          # In pixels; tfds's BBoxFeature would store fractions.
          'box': tfds.features.Tensor(shape=(4,), dtype=np.int32),
          'slice_id': tfds.features.Text(),
          'patient_id': tfds.features.Text(),
          'source': tfds.features.Text(),
        }
      ),
      supervised_keys=('image', 'label'),
      homepage='https://www.kaggle.com/datasets/hgunraj/covidxct',
      # Keeps the order of the split files: position i of a split is line
      # i + 1. The training stream does its own shuffling.
      disable_shuffling=True,
      # Holds the digests of the split files: see `split_digests`.
      metadata=tfds.core.MetadataDict(),
    )
    # tfds would look for it in a bucket of its own, and leave an empty folder
    # among the temporary files.
    info.initialize_from_bucket = lambda: None
    return info

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
    manual_dir = dl_manager.manual_dir
    splits = read_splits(self.builder_config, manual_dir)
    names.check_patients(splits)
    images = self._find_images(manual_dir)
    split_file.check_images_exist(splits, images)
    self.info.metadata['split_digests'] = split_digests(
      self.builder_config, manual_dir
    )
    return {
      split: self._generate_examples(slices, images, split)
      for split, slices in splits.items()
    }

  def _find_images(self, manual_dir: epath.Path) -> epath.Path:
    config = self.builder_config
    # Without repetition, and the most common name first.
    versions = dict.fromkeys((config.train, config.held_out))
    names = [f'{version}_images' for version in versions]
    if self._image_folder:
      names = [self._image_folder]
    for name in names:
      if (manual_dir / name).is_dir():
        return manual_dir / name
    folders = sorted(
      path.name for path in manual_dir.iterdir() if path.is_dir()
    )
    raise FileNotFoundError(
      f'There is no image folder {" or ".join(names)} in {manual_dir}; its '
      f'folders are {folders}. If one of them holds the images, set '
      'config.data.image_folder to its name.'
    )

  def _example_writer(self) -> tfds.core.ExampleWriter:
    # The hook of tfds for another way of writing.
    if self.builder_config.is_prepared:
      return prepared_slices.Writer(self.info.file_format)
    return super()._example_writer()

  def _generate_examples(
    self,
    slices: Sequence[split_file.Slice],
    images: epath.Path,
    split: str,
  ) -> Iterator[tuple[int, dict[str, Any]]]:
    def load(entry: split_file.Slice) -> dict[str, Any]:
      image, box = split_file.read_image(entry, images), entry.box
      if self.builder_config.is_prepared:
        image = prepared_slices.prepare(image, box, split)
        box = (0, 0, *image.shape[:2])
      return {
        'image': image,
        'box': box,
        'label': entry.label,
        'slice_id': entry.file_name,
        'patient_id': entry.patient_id,
        'source': entry.source,
      }

    examples = tqdm.tqdm(
      threads.map_ahead(load, slices),
      desc=f'Reading {split} slices',
      total=len(slices),
      unit='slice',
      disable=None,
    )
    # tfds sorts by key, and holds in memory all examples whose keys lie in the
    # same thousandth of the range of keys. With keys 0, 1, 2, ... that would be
    # the whole split, 20 or 38 GB.
    return zip(itertools.count(step=2**128 // len(slices)), examples)


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
