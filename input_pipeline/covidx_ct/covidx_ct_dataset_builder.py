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
from input_pipeline.covidx_ct import image_record
from input_pipeline.covidx_ct import prepared_slices
from input_pipeline.covidx_ct import split_file
from input_pipeline.covidx_ct import versions


class Builder(tfds.core.GeneratorBasedBuilder):
  """COVIDx CT: axial chest CT slices of Normal, CP and NCP patients."""

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES = {'1.0.0': 'First release.'}
  BUILDER_CONFIGS = [
    versions.CovidxCtConfig(
      name=train.lower() + suffix,
      description=f'COVIDx CT-{train}{note}.',
      train=train,
      held_out=held_out,
      is_prepared=bool(suffix),
    )
    for suffix, note in (('', ''), ('_512', ', slices cropped and resized'))
    for train, held_out in versions.VERSIONS.items()
  ]
  MANUAL_DOWNLOAD_INSTRUCTIONS = """\
  Download COVIDx CT from https://www.kaggle.com/datasets/hgunraj/covidxct and
  unpack it: the split files, such as train_COVIDx_CT-2A.txt, and beside them
  the folder of images, such as 2A_images/, belong in that folder.
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

  def check_source(
    self, manual_dir: epath.Path, split: str, file_names: Sequence[str]
  ) -> None:
    """Checks that a split was prepared from the files in the folder.

    Of images, named in the order of the split, size and time are compared.

    Raises:
      ValueError: it was prepared from others.
    """
    problem = ''
    prepared = self.info.metadata['split_digests']
    if versions.split_digests(self.builder_config, manual_dir) != prepared:
      problem = f'other split files than those in {manual_dir}'
    elif differing := self._differing(manual_dir, split, file_names):
      problem = (
        f'other images than those in {manual_dir}: {len(differing)} of {split} '
        f'have another size or time, such as {differing[0]}'
      )
    if problem:
      raise ValueError(
        f'{self.data_path} was prepared from {problem}. Remove that folder to '
        'prepare it anew, set config.data.data_dir to another place, or leave '
        'config.data.path empty to use what was prepared.'
      )

  def _differing(
    self, manual_dir: epath.Path, split: str, file_names: Sequence[str]
  ) -> list[str]:
    try:
      images = self._find_images(manual_dir)
    except FileNotFoundError:
      return []  # They take up space, and are not needed any more.
    return image_record.differing(self._image_record(split), images, file_names)

  def _image_record(self, split: str) -> epath.Path:
    return self.data_path / f'{self.name}-{split}.images.npy'

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
    splits = versions.read_splits(self.builder_config, manual_dir)
    names.check_patients(splits)
    images = self._find_images(manual_dir)
    split_file.check_images_exist(splits, images)
    self.info.metadata['split_digests'] = versions.split_digests(
      self.builder_config, manual_dir
    )
    for split, slices in splits.items():
      # Before the images are read, so that later changes are found.
      image_record.write(
        self._image_record(split), images, [x.file_name for x in slices]
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
