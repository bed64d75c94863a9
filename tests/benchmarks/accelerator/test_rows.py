# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The order of the rows, and a file of results that is gone on with."""

import json

import pytest

from benchmarks.accelerator import rows

FACTS = {'commit': 'abc', 'device': 'Tesla T4', 'jax': '1'}


def _plan(**changes):
  arguments = {
    'models': ['R50x1', 'R101x3'],
    'sides': [480, 224],
    'tasks': ['train', 'forward', 'end to end'],
    'precisions': ['bfloat16', 'float32'],
    'batches': [32, 64],
    'on_gpu': True,
    'with_peer': True,
  }
  return list(rows.plan(**arguments | changes))


def test_the_training_of_the_paper_comes_first_and_small_batches_before_large():
  plan = _plan()
  assert plan[0] == rows.Row(
    'train', 'R50x1', 480, 'bfloat16', 32, ('here', 'compiled')
  )
  batches = [row.batch for row in plan]
  assert batches == sorted(batches)
  # Two networks, precisions, sides and batches, three tasks; a profile, one row
  # of deterministic operations, two of PyTorch's other ways.
  assert len(plan) == len(set(plan)) == 2 * 2 * 2 * 2 * 3 + 1 + 1 + 2


def test_no_gpu_has_no_deterministic_operations_and_no_variants():
  programs = {row.programs for row in _plan(on_gpu=False, with_peer=False)}
  assert programs == {('here',)}


def test_batches_are_doubled():
  assert rows.doublings(32)[:4] == [32, 64, 128, 256]


@pytest.fixture
def row():
  return _plan()[0]


def test_what_is_in_the_file_is_not_measured_again(tmp_path, row):
  path = tmp_path / 'results.jsonl'
  results = rows.Results(path, FACTS)
  results.add(row.identity('here'), {'images_per_second': 7.0})
  assert not results.is_done(row)
  results.add(row.identity('compiled'), {'images_per_second': 3.0})
  again = rows.Results(path, FACTS)
  assert again.is_done(row)
  assert again.find(row.identity('here'))['images_per_second'] == 7
  for changed in ({'commit': 'def'}, {'device': 'TPU v4'}, {'jax': '2'}):
    assert not rows.Results(path, FACTS | changed).is_done(row)


def test_a_line_that_was_cut_off_is_left_out(tmp_path, row, capsys):
  path = tmp_path / 'results.jsonl'
  rows.Results(path, FACTS).add(row.identity('here'), {})
  whole = path.read_text()
  # The next line is not glued to the rest of the one before.
  path.write_text(whole + whole[:-20])
  results = rows.Results(path, FACTS)
  assert 'cut off' in capsys.readouterr().out
  results.add(row.identity('compiled'), {})
  assert rows.Results(path, FACTS).is_done(row)
  assert json.loads(path.read_text().splitlines()[-1])['facts'] == FACTS


def test_larger_batches_are_not_tried_where_a_smaller_one_failed(tmp_path):
  small, large = (
    next(x for x in _plan() if x.batch == batch) for batch in (32, 64)
  )
  results = rows.Results(tmp_path / 'results.jsonl', FACTS)
  results.add(small.identity('compiled'), {'failed': 'x'})
  assert not results.is_too_large(large)
  results.add(small.identity('here'), {'failed': 'x'})
  assert results.is_too_large(large)
  assert not results.is_too_large(small)
