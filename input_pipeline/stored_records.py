# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The slices of a tfds split in its ArrayRecord files, read by position."""

import bisect
from collections.abc import Mapping
import itertools

from google.protobuf import message
import numpy as np
import tensorflow_datasets as tfds

from input_pipeline import file_stamp
from input_pipeline.quiet_tensorflow import tf

# What ArrayRecord raises for files that cannot be read, that were cut while
# they were open, and that hold other records.
_DAMAGED = (RuntimeError, IndexError, message.DecodeError)


class StoredRecords:
  """The N slices of a split, which several threads may read at once.

  ArrayRecord finds damage by hashes of its own, but not that a file was
  replaced by another whole one.
  """

  def __init__(
    self,
    builder: tfds.core.GeneratorBasedBuilder,
    split: str,
    *,
    image_key: str,
  ):
    self._records = builder.as_data_source(
      split, deserialize_method=tfds.decode.DeserializeMethod.RAW_BYTES
    )
    self._image_key = image_key
    info = builder.info.splits[split]
    self._files = [*map(str, info.filepaths)]
    # Where in the split each file ends.
    self._ends = [*itertools.accumulate(info.shard_lengths)]
    self._stamps = [*map(file_stamp.stamp, self._files)]

  def __len__(self) -> int:
    return len(self._records)

  @property
  def sizes_and_times(self) -> np.ndarray:
    """Bytes and time of writing of each file, `[files, 2]` int64."""
    return file_stamp.sizes_and_times(self._files)

  def read(self, i: int) -> tuple[Mapping[str, tf.train.Feature], bytes]:
    """Returns the features of slice i, and of these the image.

    Raises:
      OSError: the file is damaged or cannot be read. The message names it.
    """
    try:
      # Takes half the time of tfds's own parser, which looks at every feature.
      features = tf.train.Example.FromString(self._records[i]).features.feature
      return features, features[self._image_key].bytes_list.value[0]
    except _DAMAGED as error:
      file = self._files[self._file_number(i)]
      raise OSError(f'{file}: {error}. Restore this file.') from error

  def image(self, i: int, digest: str) -> bytes:
    """Returns the image of slice i.

    Raises:
      OSError: as `read`.
      ValueError: the file has changed, and the image has another digest.
    """
    _, image = self.read(i)
    number = self._file_number(i)
    file_stamp.check_same(
      self._files[number],
      image,
      stamp_before=self._stamps[number],
      digest_before=digest,
    )
    return image

  def _file_number(self, i: int) -> int:
    return bisect.bisect_right(self._ends, i)
