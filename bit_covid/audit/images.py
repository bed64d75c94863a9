# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures sizes and brightness of images, none of it of the lungs."""

from collections.abc import Callable
from concurrent import futures

import numpy as np
import pandas as pd
import tqdm

from bit_covid.audit import finding
from bit_covid.audit import label_shuffles
from bit_covid.audit import slices as slices_lib
from bit_covid.audit import thumbnails as thumbnails_lib

# Images that a thread measures in a row. A task for each would cost memory.
_BLOCK = 16
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
  lungs: Callable[[np.ndarray], np.ndarray],
) -> tuple[pd.DataFrame, np.ndarray]:
  """Returns a table of measured slices, and `[N, 64, 64]`, their thumbnails.

  The table has the additional columns `height`, `width`, and `inside` and
  `outside`, the mean gray values in the box, but for the lungs, and around it.
  A slice without an annotated box gets the automatic one. A ValueError names an
  image that cannot be decoded.

  Args:
    slices: with images.
    count: largest number of slices; more are sampled at random. 0: all.
    seed: of the sampling.
    body_box: of an image, as `input_pipeline.body_crop` finds it.
    lungs: of an image, as `input_pipeline.hulls` finds them.
  """
  rows = slices_lib.sample(len(slices.table), count, seed=seed)
  table = slices.table.iloc[rows].reset_index(drop=True)
  boxes = table[list(slices_lib.BOX)].to_numpy(copy=True)
  measured = np.empty([len(rows), len(_MEASURED)])
  thumbnails = thumbnails_lib.new_store(len(rows))

  def measure_block(block: range) -> int:
    for i in block:
      image = slices.image(int(rows[i]))
      if not boxes[i].any():
        boxes[i] = body_box(image)
      measured[i] = _measure(image, boxes[i], lungs(image))
      thumbnails[i] = thumbnails_lib.thumbnail(image)
    return len(block)

  blocks = [
    range(i, min(i + _BLOCK, len(rows))) for i in range(0, len(rows), _BLOCK)
  ]
  with (
    futures.ThreadPoolExecutor() as pool,
    tqdm.tqdm(
      desc='Measuring images', total=len(rows), unit='image', disable=None
    ) as bar,
  ):
    for done in pool.map(measure_block, blocks):
      bar.update(done)
  table[list(slices_lib.BOX)] = boxes
  table[list(_MEASURED)] = measured
  return table, thumbnails


def sizes(table: pd.DataFrame, *, seed: int) -> finding.Finding:
  """Returns which sizes the images of `measure` have, and if classes differ.

  Args:
    table: of `measure`.
    seed: of the shuffles that tell what is chance.
  """
  text = table['width'].astype(int).astype(str)
  text += ' x ' + table['height'].astype(int).astype(str)
  counts = pd.crosstab(text, table['label'])
  counts = counts[slices_lib.classes(table)]
  shown = counts.loc[counts.sum(axis=1).nlargest(_MOST_SIZES).index]
  shown = shown.rename_axis('Size').reset_index()
  shown.columns.name = None
  if len(counts) == 1:
    return finding.Finding(
      'PASSED', f'All {len(table):,} images are {text.iloc[0]}.'
    )
  size, _ = pd.factorize(text)

  def apart(label: np.ndarray) -> float:
    return _apart(size, label)

  difference = apart(pd.factorize(table['label'])[0])
  chance = label_shuffles.chance(
    apart, table['label'], table['patient_id'], seed=seed
  )
  is_more = difference > _APART and chance <= label_shuffles.RARE
  return finding.Finding(
    'WARNING' if is_more else 'NOTE',
    f'{len(counts)} sizes among {len(table):,} images; the shares of two '
    f'classes differ by {difference:.0%} at most (p = {chance:.3f}).',
    shown,
  )


def _apart(size: np.ndarray, label: np.ndarray) -> float:
  """Returns the largest total variation distance of two classes.

  It is the share of one class that has no counterpart of the same size in the
  other.

  Args:
    size: `[N]` int, the number of the size of each image.
    label: `[N]` int, the number of its class.
  """
  shape = (label.max() + 1, size.max() + 1)
  cells = np.bincount(label * shape[1] + size, minlength=np.prod(shape))
  shares = cells.reshape(shape) / np.bincount(label)[:, np.newaxis]
  return float(np.abs(shares[:, np.newaxis] - shares).sum(axis=2).max() / 2)


def _measure(
  image: np.ndarray, box: np.ndarray, lungs: np.ndarray
) -> tuple[float, ...]:
  xmin, ymin, xmax, ymax = box
  is_inside = np.zeros(image.shape, bool)
  is_inside[ymin:ymax, xmin:xmax] = True
  return (
    *image.shape,
    _mean(image[is_inside & ~lungs]),
    _mean(image[~is_inside]),
  )


def _mean(values: np.ndarray) -> float:
  """Returns the mean gray value, 0 of no pixels."""
  return float(values.mean()) if values.size else 0.0
