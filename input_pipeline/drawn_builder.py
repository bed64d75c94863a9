# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the tfds builders of drawn images have in common."""

import abc
from collections.abc import Iterator, Mapping
import hashlib
import pathlib
import types
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from input_pipeline import conventions


class DrawnBuilder(tfds.core.GeneratorBasedBuilder):
  """A builder that draws its images and downloads nothing.

  `_generate_examples` takes the name of a split and yields names of slices and
  examples, in the order in which they are stored. `VERSION` is that of
  `version_of`.
  """

  @abc.abstractmethod
  def _class_names(self) -> list[str]:
    """Returns the names of the classes, in the order of the labels."""

  def _info(self) -> tfds.core.DatasetInfo:
    info = self.dataset_info_from_configs(
      features=tfds.features.FeaturesDict(
        {
          'image': tfds.features.Image(
            shape=(None, None, 1), dtype=np.uint8, encoding_format='png'
          ),
          'label': tfds.features.ClassLabel(names=self._class_names()),
          # xmin, ymin, xmax, ymax in pixels, end exclusive; zeros: no box.
          'box': tfds.features.Tensor(shape=(4,), dtype=np.int32),
          'slice_id': tfds.features.Text(),
          'patient_id': tfds.features.Text(),
          'source': tfds.features.Text(),
        }
      ),
      supervised_keys=('image', 'label'),
      disable_shuffling=True,
    )
    # tfds would look for it in a bucket of its own, and leave an empty folder
    # among the temporary files.
    info.initialize_from_bucket = lambda: None
    return info

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
    del dl_manager  # Nothing to download.
    return {
      split: self._generate_examples(split) for split in conventions.SPLITS
    }


def version_of(folder: pathlib.Path) -> tfds.core.Version:
  """Returns the version of the images that the modules in a folder draw.

  Its last number is a digest of the code, so that images that were drawn by
  other code are drawn anew and not taken for these.
  """
  sources = [pathlib.Path(__file__), *sorted(folder.glob('*.py'))]
  digest = hashlib.sha256()
  for source in sources:
    digest.update(source.read_bytes())
  return tfds.core.Version(f'1.0.{int(digest.hexdigest()[:8], 16)}')


def check_splits(field: str, counts: Mapping[str, int]) -> None:
  """Checks that a field of a config names all splits.

  Raises:
    ValueError: it does not.
  """
  if set(counts) != set(conventions.SPLITS):
    raise ValueError(
      f'{field} names the splits {sorted(counts)}, but they must be '
      f'{sorted(conventions.SPLITS)}.'
    )


def per_split(train: int, val: int, test: int) -> Mapping[str, int]:
  """Returns numbers of images or patients by split."""
  return types.MappingProxyType({'train': train, 'val': val, 'test': test})
