# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Slices that are stored cropped and resized, without compression.

Reading a slice then means copying its gray values; nothing is decoded. `train`
is stored at the size from which training takes random crops. `val` and `test`
are stored at the size of the crop, to which the paper resizes them directly;
resizing them a second time, from 512 to 480, would blur them.
"""

from collections.abc import Iterable
import os

from array_record.python import array_record_module
import numpy as np
import tensorflow_datasets as tfds

from input_pipeline import preprocess

# Sides in pixels, those of the paper's best model.
TRAIN_SIZE = 512
HELD_OUT_SIZE = 480


def preparation(split: str) -> preprocess.Preprocessing:
  """Returns how the slices of a split are preprocessed before they are stored.

  No part is cut out, so `resize` and `crop` are both the stored side.
  """
  size = TRAIN_SIZE if split == 'train' else HELD_OUT_SIZE
  return preprocess.Preprocessing(
    box='annotated', resize=size, crop=size, antialias=False
  )


def feature() -> tfds.features.FeatureConnector:
  """Returns the tfds feature of an image: its gray values, row by row."""
  return tfds.features.Tensor(
    shape=(None, None, 1), dtype=np.uint8, encoding='bytes'
  )


# The key under which a record holds the gray values of that feature.
RECORD_KEY = 'image/value'


def prepare(
  encoded: bytes, box: tuple[int, int, int, int], split: str
) -> np.ndarray:
  """Returns a slice of a split as it is stored, `[S, S, 1]` uint8."""
  settings = preparation(split)
  return preprocess.prepare(
    preprocess.decode(encoded),
    np.array(box),
    settings.crop,
    antialias=settings.antialias,
    mode=settings.box,
  )


class Writer(tfds.core.ExampleWriter):
  """Writes ArrayRecord files without compression.

  The zstd compression of tfds makes these slices a quarter smaller, but reading
  them takes more than five times as long.
  """

  def write(
    self, path: str | os.PathLike[str], examples: Iterable[tuple[int, bytes]]
  ) -> None:
    """Writes the examples to a file; other formats are left to tfds."""
    if self.file_format != tfds.core.FileFormat.ARRAY_RECORD:
      super().write(path, examples)
      return
    writer = array_record_module.ArrayRecordWriter(
      os.fspath(path), 'group_size:1,uncompressed'
    )
    for _, example in examples:
      writer.write(example)
    writer.close()
