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
PATIENTS = {'train': 14, 'test': 8}
# Copies of each kind.
COPIES = 6
_SIDES = 128, 112
_SOURCES = 'east', 'north', 'west'
_BOX = ['xmin', 'ymin', 'xmax', 'ymax']
_COLUMNS = 'path', 'label', 'split', 'patient', 'source', *_BOX
_JPEG_QUALITY = 30


class Data(NamedTuple):
  """A data set of the user's own images.

  Attributes:
    table: a row for each slice, with the columns of the CSV and others, such as
      `number`, that of the slice in its scan.
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
    self.table[list(_COLUMNS)].to_csv(csv, index=False)
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
          facts = path, label, split, name, source
          rows.append((*facts, *drawn.box, number))
          images.append(drawn.image)
  return Data(pd.DataFrame(rows, columns=[*_COLUMNS, 'number']), images)


def patients_in_two_splits(data: Data) -> Data:
  """Returns the data after slices of three training patients went to test."""
  people = data.table['patient'].unique()[:3]
  is_later = data.table['patient'].duplicated()
  moved = data.table['patient'].isin(people) & is_later
  return data._replace(
    table=data.table.assign(split=data.table['split'].mask(moved, 'test'))
  )


def with_equal_files(data: Data) -> Data:
  """Returns the data after a file of train was put in the place of another."""
  table, images = data.table.copy(), list(data.images)
  of_class = table['label'] == table.loc[0, 'label']
  row = table.index[of_class & (table['split'] == 'test')][0]
  images[row] = images[0]
  table.loc[row, _BOX] = table.loc[0, _BOX]
  return Data(table, images)


def _brighter(image: np.ndarray) -> np.ndarray:
  return cv2.convertScaleAbs(image, alpha=1.1, beta=30)


def _cropped(image: np.ndarray) -> np.ndarray:
  """Returns an image without a twentieth of its sides."""
  top, left = (x // 40 for x in image.shape)
  return image[top : image.shape[0] - top, left : image.shape[1] - left]


# How a copy differs. What is called JPEG is stored as such.
CHANGES: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
  'JPEG': np.copy,
  'brighter': _brighter,
  'mirrored': np.fliplr,
  'cropped': _cropped,
}


def with_copies(data: Data) -> Data:
  """Returns the data with changed copies of slices of train in test.

  Of each change there are `COPIES`, each of another patient. The columns
  `change` and `original` of the table, the latter a path, tell which they are.
  Patients, classes and sources are those of the slices that they replace.
  """
  table = data.table.assign(change='', original='')
  images = list(data.images)
  first = table[~table['patient'].duplicated()]
  pairs = [
    pair
    for _, own in first.groupby('label')
    for pair in zip(
      *(own.index[own['split'] == x] for x in ('train', 'test')), strict=False
    )
  ]
  changes = list(CHANGES) * COPIES
  generator = np.random.default_rng(0)
  chosen = generator.permutation(pairs)[: len(changes)]
  for (copied, row), name in zip(chosen, changes, strict=True):
    change, original = CHANGES[name], data.images[copied]
    images[row] = np.ascontiguousarray(change(original))
    # What becomes of the box is seen on a picture of it.
    xmin, ymin, xmax, ymax = table.loc[copied, _BOX]
    box = np.zeros_like(original)
    box[ymin:ymax, xmin:xmax] = 255
    table.loc[row, _BOX] = drawing.bounding_box(change(box) > 127)
    table.loc[row, ['change', 'original']] = name, table.loc[copied, 'path']
    if name == 'JPEG':
      table.loc[row, 'path'] = table.loc[row, 'path'].replace('.png', '.jpg')
  return Data(table, images)


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


def with_marks(data: Data, *, share: float) -> Data:
  """Returns the data with the mark of its hospital in each slice.

  Each class has a hospital of its own, to which a `share` of its patients go.
  The others go to that of the next class.
  """
  table, images = data.table.copy(), []
  people = table.drop_duplicates('patient')
  place = people.groupby(['split', 'label']).cumcount()
  count = people.groupby(['split', 'label'])['patient'].transform('size')
  is_away = dict(zip(people['patient'], place >= share * count, strict=True))
  for image, (_, row) in zip(data.images, table.iterrows(), strict=True):
    own = drawing.LABELS.index(row['label'])
    hospital = (own + is_away[row['patient']]) % len(_SOURCES)
    table.loc[row.name, 'source'] = _SOURCES[hospital]
    marked = image.copy()
    side = len(image) // 6
    marked[:side, :side] = marked[:side, -side:] = (0, 128, 255)[hospital]
    images.append(marked)
  return Data(table, images)


def with_patients_everywhere(data: Data) -> Data:
  """Returns the data after each second slice of a training patient is in test.

  The former slices of test are left out.
  """
  table = data.table[data.table['split'] != 'test']
  is_second = table.groupby('patient').cumcount() % 2 == 1
  moved = is_second & (table['split'] == 'train')
  return Data(
    table.assign(split=table['split'].mask(moved, 'test')).reset_index(
      drop=True
    ),
    [data.images[i] for i in table.index],
  )
