# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is measured of an image, none of it the lungs."""

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
# Of one class that has no match in another, before it is a warning.
_APART = 0.1
_MEASURED = ('height', 'width', 'inside', 'outside')


def measure(
  slices: slices_lib.Slices,
  *,
  count: int,
  seed: int,
  body_box: Callable[[np.ndarray], np.ndarray],
) -> tuple[pd.DataFrame, np.ndarray]:
  """Returns the rows of some slices with what is measured, and their hashes.

  The columns `height`, `width`, and `inside` and `outside`, the mean gray
  values in and around the box, come to those of the table; where a slice has no
  annotated box, the automatic one takes its place. Hashes are `[N, 4]` uint64.

  Args:
    slices: with images.
    count: how many slices at most, drawn at random.
    seed: of the drawing.
    body_box: of an image, as `input_pipeline.body_crop` finds it.

  Raises:
    ValueError: an image cannot be decoded; the message names it.
  """
  rows = np.arange(len(slices.table))
  if count < len(rows):
    drawn = np.random.default_rng(seed).choice(rows, count, replace=False)
    rows = np.sort(drawn)
  table = slices.table.iloc[rows].reset_index(drop=True)
  boxes = table[list(slices_lib.BOX)].to_numpy()

  def of_one(i: int) -> tuple[np.ndarray, tuple[float, ...], np.ndarray]:
    image = slices.image(int(rows[i]))
    box = boxes[i] if boxes[i].any() else body_box(image)
    return box, _measure(image, box), thumbnail_hash(image)

  with futures.ThreadPoolExecutor() as pool:
    results = list(
      tqdm.tqdm(
        pool.map(of_one, range(len(rows))),
        total=len(rows),
        desc='Measuring images',
        unit='image',
        disable=None,
      )
    )
  boxes, measured, hashes = zip(*results, strict=True)
  table[list(slices_lib.BOX)] = np.stack(boxes)
  table[list(_MEASURED)] = np.array(measured)
  return table, np.stack(hashes)


def thumbnail_hash(image: np.ndarray) -> np.ndarray:
  """Returns 256 bits as `[4]` uint64: where it gets brighter to the right.

  Of a thumbnail: the same for copies of another size, format or contrast.
  """
  small = cv2.resize(image, (_SIDE + 1, _SIDE), interpolation=cv2.INTER_AREA)
  return np.packbits(small[:, 1:] > small[:, :-1]).view(np.uint64)


def sizes(table: pd.DataFrame) -> finding.Finding:
  """Returns which sizes images have, of `measure`; the commonest are shown."""
  name = 'Image sizes'
  text = table['width'].astype(int).astype(str)
  text += ' x ' + table['height'].astype(int).astype(str)
  counts = pd.crosstab(text, table['label'])
  counts = counts[slices_lib.classes(table)]
  shares = counts.div(counts.sum())
  # Half the sum of differences: how much of one class has no match in another.
  apart = max(
    (shares[a] - shares[b]).abs().sum() / 2 for a in shares for b in shares
  )
  shown = counts.loc[counts.sum(axis=1).nlargest(_MOST_SIZES).index]
  shown = shown.rename_axis('Size').reset_index()
  shown.columns.name = None
  if len(counts) == 1:
    return finding.Finding(
      name, 'PASSED', f'All {len(table):,} images are {text.iloc[0]}.'
    )
  return finding.Finding(
    name,
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
