# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A run is audited on its own data only."""

import json

import numpy as np
import pytest

from bit_covid.analysis import predictions
from bit_covid.audit.model import subject as subject_lib


@pytest.fixture
def run(tmp_path, make_examples, save_checkpoint):
  examples = make_examples()
  save_checkpoint(tmp_path)
  facts = {'fingerprints': {'test': examples.fingerprint}}
  (tmp_path / 'config.json').write_text(json.dumps(facts))
  table = predictions.make_table(
    slice_id=examples.slice_id,
    patient_id=examples.patient_id,
    source=examples.source,
    label=examples.label,
    probabilities=np.eye(3)[examples.label],
    class_names=examples.class_names,
  )
  predictions.write(table, tmp_path / 'predictions' / 'test.csv')
  return tmp_path


def _load(run, **splits):
  return subject_lib.load(run, splits, max_images=10, seed=0)


def test_own_data_are_judged_on_the_same_slices_in_each_check(
  run, make_examples
):
  subject = _load(run, test=make_examples())
  assert subject.judged == 'test'
  assert len(subject.table) == len(subject.examples)
  chosen = subject.sample('test')
  assert len(np.unique(chosen)) == 10
  np.testing.assert_array_equal(subject.sample('test'), chosen)


def test_other_data_are_refused(run, make_examples):
  digest = np.full(len(make_examples()), 'another image')
  with pytest.raises(ValueError, match='test is not the split that'):
    _load(run, test=make_examples(digest=digest))
  with pytest.raises(ValueError, match='evaluated on test, of which the data'):
    _load(run, val=make_examples())
