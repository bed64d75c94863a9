# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Drawn slices that are clean, and copies of them with one fault each.

In clean data nothing but the lungs tells the class: sources, sizes, boxes and
the choice of slices vary from patient to patient in the same way in all
classes.
"""

from collections.abc import Callable, Mapping
import pathlib
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from input_pipeline.phantom import drawing

# Patients of each class.
PATIENTS = {'train': 16, 'test': 10}
# Slices of test that are replaced, each by a copy of another training patient.
COPIES = 12
_SIDES = 128, 112
_SOURCES = 'east', 'north', 'west'
_BOX = ['xmin', 'ymin', 'xmax', 'ymax']
_JPEG_QUALITY = 30


class Data(NamedTuple):
  """A data set of the user's own images.

  Attributes:
    table: a row for each slice, with the columns of the CSV and `number`, that
      of the slice in its scan.
    images: of each row, `[H, W]` uint8.
  """

  table: pd.DataFrame
  images: list[np.ndarray]

  def write(self, folder: pathlib.Path) -> pathlib.Path:
    """Writes the images, and returns the CSV that lists them."""
    for path, image in zip(self.table['path'], self.images, strict=True):
      options = (cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY)
      is_jpeg = path.endswith('.jpg')
      cv2.imwrite(str(folder / path), image, options if is_jpeg else ())
    csv = folder / 'images.csv'
    self.table.drop(columns='number').to_csv(csv, index=False)
    return csv


def clean(*, seed: int, patients: Mapping[str, int] = PATIENTS) -> Data:
  """Returns drawn slices of so many patients of each class."""
  generator = np.random.default_rng(seed)
  rows, images = [], []
  for split, count in patients.items():
    for label in drawing.LABELS:
      for i in range(count):
        patient = drawing.sample_patient(
          seed=seed, split=split, label=label, number=i
        )
        name = f'{generator.integers(2**40):011x}'
        source, side = generator.choice(_SOURCES), generator.choice(_SIDES)
        chosen = generator.permutation(drawing.MAX_SLICES)
        for number in np.sort(chosen[: generator.integers(3, 7)]):
          drawn = drawing.draw_slice(patient, int(number), size=int(side))
          path = f'{name}-{number}.png'
          rows.append((path, label, split, name, source, number, *drawn.box))
          images.append(drawn.image)
  columns = ['path', 'label', 'split', 'patient', 'source', 'number', *_BOX]
  return Data(pd.DataFrame(rows, columns=columns), images)


def patients_in_two_splits(data: Data) -> Data:
  """Returns the data after slices of three training patients went to test."""
  people = data.table['patient'].unique()[:3]
  is_later = data.table['patient'].duplicated()
  moved = data.table['patient'].isin(people) & is_later
  return data._replace(
    table=data.table.assign(split=data.table['split'].mask(moved, 'test'))
  )


def with_copies(
  data: Data,
  change: Callable[[np.ndarray], np.ndarray] = np.copy,
  suffix: str = '.png',
) -> Data:
  """Returns the data with changed copies of training slices in test.

  Patients, classes and sources are those of the slices that are replaced.

  Args:
    data: without copies.
    change: of an image.
    suffix: of the files of the copies.
  """
  table, images = data.table.copy(), list(data.images)
  first = table[~table['patient'].duplicated()]
  for label, count in zip(drawing.LABELS, _thirds(COPIES), strict=True):
    own = first[first['label'] == label]
    test, train = (own.index[own['split'] == x] for x in ('test', 'train'))
    for replaced, copied in zip(test[:count], train[:count], strict=True):
      original = data.images[copied]
      images[replaced] = np.ascontiguousarray(change(original))
      # The change of the box is seen on an image of it.
      xmin, ymin, xmax, ymax = table.loc[copied, _BOX]
      box = np.zeros_like(original)
      box[ymin:ymax, xmin:xmax] = 255
      table.loc[replaced, _BOX] = drawing.bounding_box(change(box) > 127)
      name = pathlib.Path(table.loc[replaced, 'path'])
      table.loc[replaced, 'path'] = str(name.with_suffix(suffix))
  return Data(table, images)


def _thirds(count: int) -> list[int]:
  return [len(x) for x in np.array_split(np.arange(count), 3)]


def brighter(image: np.ndarray) -> np.ndarray:
  """Returns the image with more contrast and light; white is clipped."""
  return cv2.convertScaleAbs(image, alpha=1.1, beta=30)


def cropped(image: np.ndarray) -> np.ndarray:
  """Returns the image without a twentieth of its sides."""
  top, left = (x // 40 for x in image.shape)
  return image[top : image.shape[0] - top, left : image.shape[1] - left]


def sources_by_class(data: Data) -> Data:
  """Returns the data with one source for each class."""
  sources = dict(zip(drawing.LABELS, _SOURCES, strict=True))
  return data._replace(
    table=data.table.assign(source=data.table['label'].map(sources))
  )


def tighter_boxes(data: Data) -> Data:
  """Returns the data with boxes of NCP that cut off a part of the body."""
  table = data.table.copy()
  is_ncp = table['label'] == 'NCP'
  table.loc[is_ncp, ['xmin', 'ymin']] += 8
  table.loc[is_ncp, ['xmax', 'ymax']] -= 8
  return data._replace(table=table)


def slices_by_index(data: Data) -> Data:
  """Returns the data without the first two slices, except of Normal scans."""
  is_kept = (data.table['label'] == 'Normal') | (data.table['number'] > 1)
  rows = np.flatnonzero(is_kept)
  return Data(
    data.table.iloc[rows].reset_index(drop=True),
    [data.images[i] for i in rows],
  )
