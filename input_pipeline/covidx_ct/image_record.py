# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which images a data set was prepared from, by their sizes and times.

To compare their bytes, each start would have to read all images, which a
prepared data set is there to avoid.
"""

from collections.abc import Sequence
import os

from absl import logging
from etils import epath
import numpy as np

from input_pipeline import file_stamp


def write(
  path: epath.Path, images: epath.Path, file_names: Sequence[str]
) -> None:
  """Writes sizes and times of the files in the folder `images`."""
  with path.open('wb') as file:
    np.save(file, _sizes_and_times(images, file_names))


def differing(
  path: epath.Path, images: epath.Path, file_names: Sequence[str]
) -> list[str]:
  """Returns the names of the files that are not as `write` found them."""
  if not path.exists():
    logging.warning(
      'There is no %s, as an earlier version of this software prepared the '
      'data set: whether its images have changed is not known.',
      path,
    )
    return []
  with path.open('rb') as file:
    before = np.load(file, allow_pickle=False)
  now = _sizes_and_times(images, file_names)
  return np.array(file_names)[(before != now).any(axis=1)].tolist()


def _sizes_and_times(
  images: epath.Path, file_names: Sequence[str]
) -> np.ndarray:
  return file_stamp.sizes_and_times(
    [os.path.join(images, name) for name in file_names]
  )
