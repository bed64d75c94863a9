# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Folds of a cross-validation: whole patients, each slice tested once."""

import collections
import dataclasses

import ml_collections
import numpy as np
import pytest

import input_pipeline
from input_pipeline import folds

NAMES = ('Normal', 'CP', 'NCP')
COUNT = 4


def _make(split, patients, *, slices=3):
  """Returns a split of `patients` patients a class, with slices of each."""
  ids = [
    (f'{split}{label}_{patient}', label)
    for label in range(3)
    for patient in range(patients)
    for _ in range(slices)
  ]
  names = [f'{patient}_{i}.png' for i, (patient, _) in enumerate(ids)]
  count = len(ids)
  return input_pipeline.Examples(
    class_names=NAMES,
    slice_id=np.array(names),
    patient_id=np.array([patient for patient, _ in ids]),
    source=np.full(count, 'one'),
    label=np.array([label for _, label in ids], np.int32),
    box=np.zeros((count, 4), np.int32),
    digest=np.array([f'd{name}' for name in names]),
    read=lambda i: names[i].encode(),
  )


@pytest.fixture
def splits():
  return {
    'train': _make('a', 6),
    'val': _make('b', 1),
    'test': _make('c', 3),
  }


def _select(splits, fold):
  names = ('train', 'val', 'test')
  return folds.select(splits, names, fold=fold, count=COUNT)


def test_each_slice_is_tested_once_and_no_patient_is_in_two_splits(splits):
  tested, measured = [], []
  for fold in range(1, COUNT + 1):
    chosen = _select(splits, fold)
    patients = [set(x.patient_id.tolist()) for x in chosen.values()]
    assert sum(map(len, patients)) == len(set.union(*patients)) == 30
    tested += chosen['test'].slice_id.tolist()
    measured += chosen['val'].slice_id.tolist()
  everything = [x for split in splits.values() for x in split.slice_id]
  assert sorted(tested) == sorted(measured) == sorted(everything)


def test_classes_are_divided_evenly(splits):
  for fold in range(1, COUNT + 1):
    test = _select(splits, fold)['test']
    patients = {
      (label, patient)
      for label, patient in zip(test.label, test.patient_id, strict=True)
    }
    counts = collections.Counter(label for label, _ in patients)
    # Ten patients a class, in four parts.
    assert all(counts[label] in (2, 3) for label in range(3))


def test_a_patient_of_two_classes_is_in_one_part(splits):
  train = splits['train']
  label = train.label.copy()
  label[::3] = (label[::3] + 1) % 3
  pooled = folds.pool({'train': dataclasses.replace(train, label=label)})
  parts = folds.assign(pooled, COUNT)
  for patient in np.unique(pooled.patient_id):
    assert len(set(parts[pooled.patient_id == patient])) == 1


def test_the_division_is_always_the_same(splits):
  one, other = _select(splits, 2), _select(dict(splits), 2)
  assert one['test'].fingerprint == other['test'].fingerprint
  assert _select(splits, 3)['test'].fingerprint != one['test'].fingerprint


def test_images_stay_with_their_slices(splits):
  for part in _select(splits, 1).values():
    for i in range(len(part)):
      assert part.read(i) == part.slice_id[i].encode()
      assert part.digest[i] == f'd{part.slice_id[i]}'


def test_what_cannot_be_divided_is_refused(splits):
  with pytest.raises(ValueError, match=r"no split 'extra' in a fold"):
    folds.select(splits, ['extra'], fold=1, count=3)
  with pytest.raises(ValueError, match='expected at least 12 of each'):
    folds.select(splits, ['test'], fold=1, count=12)
  changed = dataclasses.replace(splits['val'], window=(-600.0, 1500.0))
  with pytest.raises(ValueError, match='differ in window'):
    _select({**splits, 'val': changed}, 1)
  with pytest.raises(ValueError, match='is in two splits'):
    _select({**splits, 'again': splits['val']}, 1)
  label = splits['val'].label.copy()
  label[1] = -1
  changed = dataclasses.replace(splits['val'], label=label)
  with pytest.raises(
    ValueError, match=r"1 slices have no label, .*'b0_0_1.png'"
  ):
    _select({**splits, 'val': changed}, 1)


def test_a_config_names_its_fold(tfds_dir):
  config = ml_collections.ConfigDict(
    {'name': 'phantom/tiny', 'data_dir': tfds_dir, 'path': ''}
  )
  config.image_folder = ''
  whole = input_pipeline.load_all_splits(config)
  config.fold = (2, 3)
  names = ('train', 'val', 'test')
  found = input_pipeline.load_splits(config, names)
  ids = [x for split in found.values() for x in split.slice_id]
  assert sorted(ids) == sorted(
    x for split in whole.values() for x in split.slice_id
  )
  assert (
    input_pipeline.load_split(config, 'test').fingerprint
    == found['test'].fingerprint
  )
  for wrong in ((0, 3), (4, 3), (1, 2), (1,), 3, (1.0, 3)):
    config = ml_collections.ConfigDict({'fold': wrong})
    with pytest.raises(ValueError, match='expected number and count of'):
      input_pipeline.check_config(config)
