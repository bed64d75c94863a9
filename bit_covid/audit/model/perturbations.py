# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a network says if parts of each slice are covered.

Without the lungs its probabilities should tell the classes no better than by
chance. If they do, it sees something else, such as text, the table or the crop.
"""

from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd

from bit_covid.analysis import figures
from bit_covid.analysis import predictions
from bit_covid.audit import finding
from bit_covid.audit import label_shuffles
from bit_covid.audit.model import results
from bit_covid.audit.model import subject as subject_lib
from bit_covid.audit.model import told_classes
from input_pipeline import hulls

# A network is applied to each slice five times.
_MOST_SLICES = 1000
# Slices that are in memory at a time.
_CHUNK = 64
# Width of the border as a share of a slice, and patches along a side.
_BORDER, _PATCHES = 1 / 10, 4
# What is covered is in the middle between black and white, 0 for the network.
_GRAY = 128
# ROC AUC without the lungs that is a warning, if it is not chance either. Less
# may be what shows of a lesion at the edge of what is covered.
_LEAST_AREA = 0.6
_NOTHING, _LUNGS, _ALL_BUT_BORDER = 'nothing', 'lungs', 'all but\nthe border'


class _Slice(NamedTuple):
  """A slice as the network gets it, and its parts, `[S, S]` each."""

  image: np.ndarray
  lungs: np.ndarray
  body: np.ndarray


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the results on slices of which parts are covered."""
  rows = subject.sample(subject.judged)
  if len(rows) > _MOST_SLICES:
    generator = np.random.default_rng(subject.seed)
    rows = np.sort(generator.choice(rows, _MOST_SLICES, replace=False))
  has_lungs, probabilities = _apply(subject, rows)
  if len(np.unique(subject.examples.label[rows[has_lungs]])) < 2:
    return finding.Finding(
      'NOT CHECKED',
      f'Of {len(rows):,} slices, lungs were found in {has_lungs.sum():,}; two '
      'classes with lungs are needed.',
    )
  table = subject.table.iloc[rows[has_lungs]]
  tables = {_NOTHING: table} | {
    name: results.predicted(table, values[has_lungs])
    for name, values in probabilities.items()
  }
  label = subject.examples.label[rows[has_lungs]]
  # Of each class the slice in the middle, as the first one may be of the neck.
  shown = [
    own[len(own) // 2]
    for own in (rows[has_lungs][label == x] for x in np.unique(label))
  ]
  columns = [_coverings(_read(subject, row), subject.seed) for row in shown]
  names = figures.drawn(subject.examples.class_names)
  missing = int((~has_lungs).sum())
  return _judge(tables, missing=missing, seed=subject.seed)._replace(
    picture=results.picture(
      {name: [each[name] for each in columns] for name in columns[0]},
      [names[subject.examples.label[row]] for row in shown],
    )
  )


def _judge(
  tables: dict[str, pd.DataFrame], *, missing: int, seed: int
) -> finding.Finding:
  whole = tables[_NOTHING]
  areas, _ = told_classes.areas(tables, seed=seed)
  without = {name: tables[name] for name in (_LUNGS, _ALL_BUT_BORDER)}
  _, chance = told_classes.areas(without, seed=seed)
  units = 'patients' if predictions.knows_patients(whole) else 'slices'
  text = (
    f'The accuracy is {results.text(results.accuracy(whole))}. With '
    f'the lungs covered, the probabilities tell the classes of {units} with '
    f'a mean ROC AUC of {areas[_LUNGS]:.3f}, with all but the border of '
    f'{areas[_ALL_BUT_BORDER]:.3f}, where chance gives 0.5 (p = {chance:.3f}).'
  )
  if missing:
    text += f' Slices left out, as no lungs were found: {missing:,}.'
  sees_more = (
    chance <= label_shuffles.RARE
    and max(areas[name] for name in without) > _LEAST_AREA
  )
  shown = results.compare(
    {name.replace('\n', ' '): table for name, table in tables.items()},
    'Covered',
  )
  shown[f'ROC AUC, {units}'] = [f'{x:.3f}' for x in areas.values()]
  return finding.Finding(
    'WARNING' if sees_more else 'NOTE',
    f'{text} The network knows more than the lungs.' if sees_more else text,
    shown,
    advice='Look for text, tables and crops that differ between the classes.'
    if sees_more
    else '',
  )


def _apply(
  subject: subject_lib.Subject, rows: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
  """Returns which slices have lungs, `[n]`, and `[n, C]` for each covering."""
  has_lungs, parts = [], []
  for start in range(0, len(rows), _CHUNK):
    slices = [_read(subject, row) for row in rows[start : start + _CHUNK]]
    has_lungs += [each.lungs.any() for each in slices]
    covered = [_coverings(each, subject.seed) for each in slices]
    parts.append(
      {
        name: subject.network.probabilities(
          np.stack([each[name] for each in covered])[..., np.newaxis]
        )
        for name in covered[0]
        if name != _NOTHING  # Which the table has.
      }
    )
  names = parts[0]
  return np.array(has_lungs), {
    name: np.concatenate([part[name] for part in parts]) for name in names
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
    for mask in (hulls.lungs(image), hulls.body(image))
  ]
  return _Slice(prepared[..., 0], *masks)


def _coverings(each: _Slice, seed: int) -> dict[str, np.ndarray]:
  """Returns the slice under each covering, `[S, S]` uint8, by its name."""
  width = max(1, round(_BORDER * len(each.image)))
  is_border = np.ones(each.image.shape, bool)
  is_border[width:-width, width:-width] = False
  kept = {
    _LUNGS: ~each.lungs,
    'all but\nthe lungs': each.lungs,
    'all but\nthe body': each.body,
    _ALL_BUT_BORDER: is_border & ~each.lungs,
  }
  return {
    _NOTHING: each.image,
    **{
      name: np.where(mask, each.image, np.uint8(_GRAY))
      for name, mask in kept.items()
    },
    'nothing, but\npatches shuffled': _shuffled(each.image, seed),
  }


def _shuffled(image: np.ndarray, seed: int) -> np.ndarray:
  """Returns a slice whose 4 x 4 patches changed places; a remainder stays."""
  whole = slice(len(image) // _PATCHES * _PATCHES)
  rows = np.split(image[whole, whole], _PATCHES)
  patches = [x for row in rows for x in np.split(row, _PATCHES, axis=1)]
  order = np.random.default_rng(seed).permutation(len(patches))
  grid = order.reshape(_PATCHES, _PATCHES)
  result = image.copy()
  result[whole, whole] = np.block([[patches[i] for i in row] for row in grid])
  return result
