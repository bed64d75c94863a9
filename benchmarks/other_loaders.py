# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Other loaders that the input pipeline is compared with.

Each does the same work on the same files: it decodes a gray PNG, crops it to
the box, resizes it to R x R without a low-pass filter, crops C x C pixels at
random, flips at random, and yields batches of uint8.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf


class Slice(NamedTuple):
  """The path of an image and the box in it: xmin, ymin, xmax, ymax."""

  path: str
  box: tuple[int, int, int, int]


def plain_tf_data(
  slices: Sequence[Slice], *, resize: int, crop: int, batch: int
) -> tf.data.Dataset:
  """Returns endless batches of a pipeline written as in tf.data's own guide.

  They are uint8 `[batch, crop, crop, 1]`.
  """

  def load(path: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
    image = tf.io.decode_png(tf.io.read_file(path), channels=1)
    xmin, ymin, xmax, ymax = tf.unstack(box)
    image = tf.image.resize(image[ymin:ymax, xmin:xmax], (resize, resize))
    image = tf.cast(tf.round(image), tf.uint8)
    image = tf.image.random_crop(image, (crop, crop, 1))
    return tf.image.random_flip_left_right(image)

  paths, boxes = zip(*slices, strict=True)
  dataset = tf.data.Dataset.from_tensor_slices((list(paths), list(boxes)))
  dataset = dataset.shuffle(len(slices)).repeat()
  dataset = dataset.map(load, num_parallel_calls=tf.data.AUTOTUNE)
  return dataset.batch(batch)


def torch_loader(
  slices: Sequence[Slice], *, resize: int, crop: int, batch: int, workers: int
) -> Iterator[np.ndarray]:
  """Yields endless batches of PyTorch's DataLoader with Pillow.

  With 0 `workers`, this process loads the images, so that none have to be sent
  between processes.

  Yields:
    uint8 `[batch, 1, crop, crop]`.
  """
  # Optional packages (extra `peers`).
  from PIL import Image
  import torch
  from torch.utils import data

  # One thread, as DataLoader sets it in its workers.
  torch.set_num_threads(1)

  class Slices(data.Dataset):
    def __len__(self) -> int:
      return len(slices)

    def __getitem__(self, i: int) -> torch.Tensor:
      path, box = slices[i]
      with Image.open(path) as image:
        image = image.crop(box)
      image = image.resize((resize, resize), Image.Resampling.BILINEAR)
      top, left = torch.randint(resize - crop + 1, (2,)).tolist()
      image = image.crop((left, top, left + crop, top + crop))
      if torch.rand(()) < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
      return torch.from_numpy(np.array(image))[None]

  loader = data.DataLoader(
    Slices(), batch, shuffle=True, num_workers=workers, drop_last=True
  )
  while True:
    for images in loader:
      yield images.numpy()
