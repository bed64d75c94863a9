# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""report/metrics.json of a work directory."""

import json
import math

import pytest

from bit_covid.analysis import metrics


def test_splits_are_replaced_as_a_whole_and_others_kept(tmp_path):
  assert metrics.read_json(tmp_path) == {}
  metrics.update_json(tmp_path, {'val': {'accuracy': 0.5, 'maps': 1}})
  metrics.update_json(tmp_path, {'test': {'accuracy': None}})
  metrics.update_json(tmp_path, {'val': {'accuracy': 0.25}})
  path = tmp_path / 'report' / 'metrics.json'
  expected = {'val': {'accuracy': 0.25}, 'test': {'accuracy': None}}
  assert json.loads(path.read_text()) == expected
  assert metrics.read_json(tmp_path) == expected
  assert [x.name for x in path.parent.iterdir()] == ['metrics.json']


def test_nan_is_refused_and_leaves_the_file(tmp_path):
  metrics.update_json(tmp_path, {'val': {'accuracy': 0.5}})
  with pytest.raises(ValueError, match='JSON compliant'):
    metrics.update_json(tmp_path, {'val': {'accuracy': math.nan}})
  assert metrics.read_json(tmp_path) == {'val': {'accuracy': 0.5}}


def test_damaged_file_is_named(tmp_path):
  (tmp_path / 'report').mkdir()
  (tmp_path / 'report' / 'metrics.json').write_text('{"val": ')
  with pytest.raises(ValueError, match=r'metrics\.json is cut off or damaged'):
    metrics.update_json(tmp_path, {})
