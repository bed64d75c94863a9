# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures sizes and brightness of images, none of it of the lungs."""

from collections.abc import Callable
from concurrent import futures

import cv2
import numpy as np
import pandas as pd
import tqdm

from bit_covid.audit import finding
from bit_covid.audit import slices as slices_lib

# A difference hash of 16 x 16 bits.
_SIDE = 16
_MOST_SIZES = 8
# Share of a class's images without a counterpart of the same size in another
# class that is a warning.
_APART = 0.1
_MEASURED = ('height', 'width', 'inside', 'outside')


def measure(
  slices: slices_lib.Slices,
  *,
  count: int,
  seed: int,
  body_box: Callable[[np.ndarray], np.ndarray],
) -> tuple[pd.DataFrame, np.ndarray]:
  """Returns a table of measured slices, and `[N, 4]` uint64, their hashes.

  The table has the additional columns `height`, `width`, and `inside` and
  `outside`, the mean gray values in and around the box. A slice without an
  annotated box gets the automatic one. A ValueError names an image that cannot
  be decoded.

  Args:
    slices: with images.
    count: largest number of slices; more are sampled at random.
    seed: of the sampling.
    body_box: of an image, as `input_pipeline.body_crop` finds it.
  """
  rows = _sample(len(slices.table), count, seed=seed)
  table = slices.table.iloc[rows].reset_index(drop=True)

  def measure_row(row: int, box: np.ndarray):
    image = slices.image(int(row))
    box = box if box.any() else body_box(image)
    return box, _measure(image, box), thumbnail_hash(image)

  with futures.ThreadPoolExecutor() as pool:
    measuring = tqdm.tqdm(
      pool.map(measure_row, rows, table[list(slices_lib.BOX)].to_numpy()),
      total=len(rows),
      desc='Measuring images',
      unit='image',
      disable=None,
    )
    boxes, measured, hashes = zip(*measuring, strict=True)
  table[list(slices_lib.BOX)] = np.stack(boxes)
  table[list(_MEASURED)] = np.array(measured)
  return table, np.stack(hashes)


def _sample(length: int, count: int, *, seed: int) -> np.ndarray:
  """Returns up to `count` random row numbers, in ascending order."""
  rows = np.arange(length)
  if count >= length:
    return rows
  generator = np.random.default_rng(seed)
  return np.sort(generator.choice(rows, count, replace=False))


def thumbnail_hash(image: np.ndarray) -> np.ndarray:
  """Returns the difference hash of an image, 256 bits as `[4]` uint64.

  A bit is set where the thumbnail gets brighter to the right. Copies of another
  size, format or contrast have the same hash.

  Args:
    image: `[H, W]` uint8.
  """
  small = cv2.resize(image, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA)
  return np.packbits(small[:, 1:] > small[:, :-1]).view(np.uint64)


def sizes(table: pd.DataFrame) -> finding.Finding:
  """Returns which sizes the images of `measure` have, and if classes differ."""
  text = table['width'].astype(int).astype(str)
  text += ' x ' + table['height'].astype(int).astype(str)
  counts = pd.crosstab(text, table['label'])
  counts = counts[slices_lib.classes(table)]
  shares = counts.div(counts.sum())
  # The total variation distance: the share of one class that has no counterpart
  # of the same size in another.
  apart = max(
    (shares[a] - shares[b]).abs().sum() / 2 for a in shares for b in shares
  )
  shown = counts.loc[counts.sum(axis=1).nlargest(_MOST_SIZES).index]
  shown = shown.rename_axis('Size').reset_index()
  shown.columns.name = None
  if len(counts) == 1:
    return finding.Finding(
      'PASSED', f'All {len(table):,} images are {text.iloc[0]}.'
    )
  return finding.Finding(
    'WARNING' if apart > _APART else 'NOTE',
    f'{len(counts)} sizes among {len(table):,} images; the shares of two '
    f'classes differ by {apart:.0%} at most.',
    shown,
  )


def _measure(image: np.ndarray, box: np.ndarray) -> tuple[float, ...]:
  xmin, ymin, xmax, ymax = box
  body = image[ymin:ymax, xmin:xmax]
  around = image.size - body.size
  inside = float(body.sum(dtype=np.int64))
  outside = float(image.sum(dtype=np.int64)) - inside
  return (*image.shape, inside / body.size, outside / max(around, 1))
