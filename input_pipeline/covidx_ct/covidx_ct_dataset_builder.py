# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""tfds builder of COVIDx CT 1, 2A, 2B, 3A and 3B, from the Kaggle layout.

    builder = covidx_ct.Builder(config='2a', file_format='array_record')
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=folder))

`manual_dir` holds the split files and, beside them, `<version>_images/`. The
PNG files are stored byte for byte, after each was decoded once to be sure that
it is whole and that its box lies in it. The configs `<version>_512` store what
comes out of decoding, cropping and resizing: see `prepared_slices`.
"""

from collections.abc import Iterator, Sequence
import dataclasses
import hashlib
from typing import Any

from etils import epath
import numpy as np
import tensorflow_datasets as tfds
import tqdm

from input_pipeline import conventions
from input_pipeline import threads
from input_pipeline.covidx_ct import prepared_slices
from input_pipeline.covidx_ct import slice_files
from input_pipeline.covidx_ct import split_file


@dataclasses.dataclass(kw_only=True)
class CovidxCtConfig(tfds.core.BuilderConfig):
  """A version of COVIDx CT.

  Attributes:
    train: version in the name of the train split file.
    held_out: version in the names of the val and test split files; the B
      versions add unverified cases to train only and share these with A.
    is_prepared: whether slices are stored cropped and resized.
  """

  train: str
  held_out: str
  is_prepared: bool = False

  def split_file_name(self, split: str) -> str:
    """Returns the name of the split's file."""
    version = self.train if split == 'train' else self.held_out
    return f'{split}_COVIDx_CT-{version}.txt'

  @property
  def image_folders(self) -> tuple[str, ...]:
    """The names that the image folder may have, the usual one first."""
    versions = dict.fromkeys((self.train, self.held_out))
    return tuple(f'{version}_images' for version in versions)


class Builder(tfds.core.GeneratorBasedBuilder):
  """COVIDx CT: axial chest CT slices of Normal, CP and NCP patients."""

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES = {'1.0.0': 'First release.'}
  BUILDER_CONFIGS = [
    CovidxCtConfig(
      name=train.lower() + ('_512' if is_prepared else ''),
      description=f'COVIDx CT-{train}'
      + (', slices cropped and resized.' if is_prepared else '.'),
      train=train,
      held_out=held_out,
      is_prepared=is_prepared,
    )
    for is_prepared in (False, True)
    for train, held_out in (
      ('2A', '2A'),
      ('1', '1'),
      ('2B', '2A'),
      ('3A', '3A'),
      ('3B', '3A'),
    )
  ]
  MANUAL_DOWNLOAD_INSTRUCTIONS = """\
  Download COVIDx CT from https://www.kaggle.com/datasets/hgunraj/covidxct and
  unpack it: the split files, such as train_COVIDx_CT-2A.txt, and beside them
  the folder of images, such as 2A_images/, belong in manual_dir.
  """

  def __init__(self, *, image_folder: str = '', **kwargs: Any):
    """Creates the builder.

    Args:
      image_folder: name of the image folder in manual_dir, where it is not
        `<version>_images`.
      **kwargs: of `tfds.core.DatasetBuilder`.
    """
    self._image_folder = image_folder
    super().__init__(**kwargs)

  def _info(self) -> tfds.core.DatasetInfo:
    png = tfds.features.Image(
      shape=(None, None, 1), dtype=np.uint8, encoding_format='png'
    )
    is_prepared = self.builder_config.is_prepared
    return self.dataset_info_from_configs(
      features=tfds.features.FeaturesDict(
        {
          'image': prepared_slices.feature() if is_prepared else png,
          'label': tfds.features.ClassLabel(names=conventions.COVIDX_CT),
          # Whole pixels: tfds's BBoxFeature insists on fractions.
          'box': tfds.features.Tensor(shape=(4,), dtype=np.int32),
          'slice_id': tfds.features.Text(),
          'patient_id': tfds.features.Text(),
          'source': tfds.features.Text(),
        }
      ),
      supervised_keys=('image', 'label'),
      homepage='https://www.kaggle.com/datasets/hgunraj/covidxct',
      # In the order of the split files, so that position i of a split is
      # line i + 1; the training stream shuffles by itself.
      disable_shuffling=True,
      # Which split files it was made from: see `split_digests`.
      metadata=tfds.core.MetadataDict(),
    )

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
    manual_dir = dl_manager.manual_dir
    splits = read_splits(self.builder_config, manual_dir)
    split_file.check_patients(splits)
    images = self._find_images(manual_dir)
    slice_files.check_present(splits, images)
    self.info.metadata['split_digests'] = split_digests(
      self.builder_config, manual_dir
    )
    return {
      split: self._generate_examples(slices, images, split)
      for split, slices in splits.items()
    }

  def _find_images(self, manual_dir: epath.Path) -> epath.Path:
    names = (
      (self._image_folder,)
      if self._image_folder
      else self.builder_config.image_folders
    )
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
    # The place that tfds has for it.
    if self.builder_config.is_prepared:
      return prepared_slices.Writer(self.info.file_format)
    return super()._example_writer()

  def _generate_examples(
    self,
    slices: Sequence[split_file.Slice],
    images: epath.Path,
    split: str,
  ) -> Iterator[tuple[int, dict[str, Any]]]:
    is_prepared = self.builder_config.is_prepared

    def load(entry: split_file.Slice) -> dict[str, Any]:
      image, box = slice_files.read_checked(entry, images), entry.box
      if is_prepared:
        image = prepared_slices.prepare(image, box, split)
        box = (0, 0, *image.shape[:2])
      return {'image': image, 'box': box}

    loaded = tqdm.tqdm(
      threads.map_ahead(load, slices),
      desc=f'Reading {split} slices',
      total=len(slices),
      unit='slice',
      disable=None,
    )
    # tfds sorts by key, and holds in memory at once what lies in a thousandth
    # of the range of keys: with keys 0, 1, 2 all 20 or 38 GB of a split.
    step = 2**128 // len(slices)
    for number, (entry, image_and_box) in enumerate(
      zip(slices, loaded, strict=True)
    ):
      yield (
        number * step,
        image_and_box
        | {
          'label': entry.label,
          'slice_id': entry.file_name,
          'patient_id': entry.patient_id,
          'source': entry.source,
        },
      )


def read_splits(
  config: CovidxCtConfig, manual_dir: epath.Path
) -> split_file.Splits:
  """Returns the slices of every split whose file is in the folder.

  Raises:
    FileNotFoundError: there is none.
  """
  names = {split: config.split_file_name(split) for split in conventions.SPLITS}
  splits = {
    split: split_file.read(manual_dir / name)
    for split, name in names.items()
    if (manual_dir / name).exists()
  }
  if not splits:
    raise FileNotFoundError(
      f'There is no split file of COVIDx CT-{config.train} in {manual_dir}; '
      f'expected one or more of {", ".join(names.values())}.'
    )
  return splits


def split_digests(
  config: CovidxCtConfig, manual_dir: epath.Path
) -> dict[str, str]:
  """Returns the sha256 of each split file in the folder, by split.

  A prepared dataset knows what it was made from, so that another folder of the
  same version is not taken for it.
  """
  paths = {
    split: manual_dir / config.split_file_name(split)
    for split in conventions.SPLITS
  }
  return {
    split: hashlib.sha256(path.read_bytes()).hexdigest()
    for split, path in paths.items()
    if path.exists()
  }
