# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a network says if parts of each slice are covered.

Without the lungs, it should be no better than one that always says the
commonest class. If it is, it sees something beside the lungs, such as text in a
corner, the table, or how the slice was cropped.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import predictions
from bit_covid.audit import finding
from bit_covid.audit.model import results
from bit_covid.audit.model import subject as subject_lib
from input_pipeline import body_crop
from input_pipeline import lungs

# Slices that are covered in each way: the network is applied to all of them.
_MOST_SLICES = 1000
# Slices that are in memory at a time.
_CHUNK = 64
# Width of the border, and sides of a patch, as shares of a slice.
_BORDER, _PATCH = 1 / 10, 1 / 4
_NOTHING, _LUNGS, _BORDER_ONLY = 'nothing', 'the lungs', 'all but the border'
# Those under which nothing of the lungs is to be seen. There are two, and the
# lower bound of an interval is above the truth by chance in 2.5 %; so at most
# 5 % of the warnings are by chance.
_WITHOUT_LUNGS = (_LUNGS, _BORDER_ONLY)


class _Slice(NamedTuple):
  """A slice as the network gets it, with its parts, `[S, S]` each."""

  image: np.ndarray
  lungs: np.ndarray
  body: np.ndarray


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the results on slices of which parts are covered."""
  rows = subject.sample(subject.judged)
  if len(rows) > _MOST_SLICES:
    generator = np.random.default_rng(subject.seed)
    rows = np.sort(generator.choice(rows, _MOST_SLICES, replace=False))
  table = subject.table.iloc[rows].reset_index(drop=True)
  has_lungs, probabilities = _apply(subject, rows)
  if not has_lungs.any():
    return finding.Finding(
      'NOT CHECKED', f'No lungs were found in {len(rows):,} slices.'
    )
  names = predictions.class_names(table)
  columns = table.columns[-len(names) :]
  tables = {_NOTHING: table[has_lungs]} | {
    name: table.assign(**dict(zip(columns, values.T, strict=True)))[has_lungs]
    for name, values in probabilities.items()
  }
  return _judge(tables, missing=int((~has_lungs).sum()))._replace(
    picture=_picture(subject, rows[has_lungs], names)
  )


def _judge(
  tables: Mapping[str, pd.DataFrame], *, missing: int
) -> finding.Finding:
  shown = results.compare(tables, 'Covered')
  labels = tables[_NOTHING]['label']
  share = labels.value_counts(normalize=True).max()
  found = {name: results.accuracy(tables[name]) for name in _WITHOUT_LUNGS}
  seeing = [name for name, each in found.items() if each.low > share]
  parts = ' and '.join(
    f'{results.text(each)} with {name} covered' for name, each in found.items()
  )
  text = (
    f'The accuracy is {results.text(results.accuracy(tables[_NOTHING]))}, and '
    f'{parts}, where always saying the commonest class gives {share:.1%}.'
  )
  if missing:
    text += (
      f' No lungs were found in {missing:,} of {missing + len(labels):,} '
      'slices, which are left out.'
    )
  if not seeing:
    return finding.Finding('NOTE', text, shown)
  return finding.Finding(
    'WARNING',
    f'{text} The network tells the class without the lungs.',
    shown,
    advice='Look for text, tables and crops that differ between the classes, '
    'and train on slices that are cropped alike.',
  )


def _apply(
  subject: subject_lib.Subject, rows: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
  """Returns which slices have lungs, `[n]`, and `[n, C]` for each covering."""
  has_lungs, parts = [], []
  for start in range(0, len(rows), _CHUNK):
    slices = [_read(subject, i) for i in rows[start : start + _CHUNK]]
    has_lungs += [each.lungs.any() for each in slices]
    covered = [_coverings(each, subject.seed) for each in slices]
    parts.append(
      {
        name: subject.network.probabilities(
          np.stack([each[name] for each in covered])[..., np.newaxis]
        )
        for name in covered[0]
      }
    )
  return np.array(has_lungs), {
    name: np.concatenate([part[name] for part in parts]) for name in parts[0]
  }


def _read(subject: subject_lib.Subject, row: int) -> _Slice:
  image = subject.examples.image(int(row))
  prepared, box = subject.network.prepare(image, subject.examples.box[row])
  xmin, ymin, xmax, ymax = (0, 0, *image.shape[::-1]) if box is None else box
  masks = [
    cv2.resize(
      mask[ymin:ymax, xmin:xmax].astype(np.uint8),
      prepared.shape[1::-1],
      interpolation=cv2.INTER_NEAREST,
    ).astype(bool)
    for mask in (lungs.hull(image), body_crop.body_hull(image))
  ]
  return _Slice(prepared[..., 0], *masks)


def _coverings(each: _Slice, seed: int) -> dict[str, np.ndarray]:
  """Returns the slice under each covering, `[S, S]` uint8, by what is covered.

  What is covered is black, as air is.
  """
  width = max(1, round(_BORDER * len(each.image)))
  is_border = np.ones(each.image.shape, bool)
  is_border[width:-width, width:-width] = False
  kept = {
    _LUNGS: ~each.lungs,
    'all but the lungs': each.lungs,
    'all but the body': each.body,
    _BORDER_ONLY: is_border & ~each.lungs,
  }
  covered = {name: np.where(x, each.image, 0) for name, x in kept.items()}
  return covered | {'nothing, patches shuffled': _shuffled(each.image, seed)}


def _shuffled(image: np.ndarray, seed: int) -> np.ndarray:
  """Returns a slice cut into 4 x 4 patches that changed their places.

  A remainder at the right and at the bottom stays.
  """
  side = round(_PATCH * len(image))
  count = len(image) // side
  places = [divmod(i, count) for i in range(count**2)]
  order = np.random.default_rng(seed).permutation(count**2)
  result = image.copy()
  for (row, column), i in zip(places, order, strict=True):
    y, x = places[i]
    result[row * side :, column * side :][:side, :side] = image[
      y * side :, x * side :
    ][:side, :side]
  return result


def _picture(
  subject: subject_lib.Subject, rows: np.ndarray, names: Sequence[str]
) -> bytes:
  """Returns a slice of each class under each covering, as a PNG."""
  label = subject.examples.label[rows]
  values, first = np.unique(label, return_index=True)
  slices = [_read(subject, rows[i]) for i in first]
  columns = [
    {_NOTHING: each.image} | _coverings(each, subject.seed) for each in slices
  ]
  figure = figures.new(1.2 * len(columns[0]))
  grid = figure.subplots(
    len(columns[0]),
    len(columns),
    squeeze=False,
    subplot_kw={'xticks': [], 'yticks': []},
  )
  shown = figures.drawn(names)
  for axes, value, column in zip(grid.T, values, columns, strict=True):
    axes[0].set_title(shown[value], fontsize=9)
    for panel, image in zip(axes, column.values(), strict=True):
      panel.imshow(image, cmap='gray', vmin=0, vmax=255)
  for axes, name in zip(grid, columns[0], strict=True):
    axes[0].set_ylabel(name.replace(', ', ',\n'), fontsize=8)
  return figures.png(figure)
