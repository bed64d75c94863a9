# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Mutated files of every format: the right picture, or one clear line.

They are those of the trial `hostile_files`, which tries thousands.
`BIT_COVID_DAMAGES` sets how many of each format are tried here.
"""

import os

import pytest

from tests.trials import hostile_files
from tests.trials.frame import small_files

_DAMAGES = int(os.environ.get('BIT_COVID_DAMAGES', '8'))


@pytest.fixture(scope='module')
def contents(tmp_path_factory):
  """The content of a file of each format."""
  return small_files.make(tmp_path_factory.mktemp('small_files'))


@pytest.mark.parametrize('kind', small_files.KINDS)
def test_the_right_picture_or_one_clear_line(tmp_path, contents, kind):
  row = hostile_files.try_kind(
    kind, contents, amount=_DAMAGES, seed=7, scratch=tmp_path
  )
  assert row.is_right, row


@pytest.mark.slow
def test_a_sample_of_the_trial(tmp_path):
  rows = hostile_files.run(amount=1000, seed=8, scratch=tmp_path)
  assert sum(x.tries for x in rows) >= 1000
  assert all(x.is_right for x in rows), rows


@pytest.mark.parametrize(
  ('kind', 'wrong'),
  [
    ('RLE', 'AttributeError'),
    ('PNG 8', 'another picture'),
    ('xz', 'neither a picture nor a reason'),
  ],
)
def test_the_trial_sees_what_is_wrong(
  tmp_path, contents, monkeypatch, kind, wrong
):
  right, reasons = hostile_files._read, []

  def read(path, kind):
    if not reasons:  # The file before it is mutated.
      reasons.append('')
      return right(path, kind)
    if kind == 'RLE':
      raise AttributeError
    return ([x.T for x in right(path, kind)[0]], [])

  content = dict.fromkeys(contents, contents[kind])
  monkeypatch.setattr(hostile_files, '_read', read)
  monkeypatch.setattr(
    hostile_files, 'mutated', lambda *_, **__: ('kept', content[kind])
  )
  row = hostile_files.try_kind(
    kind, contents, amount=1, seed=0, scratch=tmp_path
  )
  (difference,) = row.differences
  assert difference.startswith(f'seed 0, number 0, kept: {wrong}')
