# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Speeds and ratios of measurements whose times are known."""

import json

import pytest

from benchmarks import turns


@pytest.fixture
def clocks(monkeypatch):
  """Clocks that stand still until the work moves them, in seconds."""
  now = {'clock': 0.0, 'core': 0.0}
  monkeypatch.setattr('time.perf_counter', lambda: now['clock'])
  monkeypatch.setattr('time.process_time', lambda: now['core'])
  return now


def _work(clocks, *, clock, images=None):
  """Returns work that takes the given seconds in one turn after the other."""
  seconds = iter(clock)

  def work():
    elapsed = next(seconds)
    clocks['clock'] += elapsed
    clocks['core'] += 2 * elapsed
    return images

  return work


def test_a_ratio_is_the_median_of_the_ratios_within_turns(clocks):
  # The first turn, of 99 s, is not counted.
  measured = turns.take_turns(
    {
      'here': _work(clocks, clock=[99, 1, 2, 4], images=8),
      'there': _work(clocks, clock=[99, 4, 2, 2], images=8),
    },
    turns=3,
  )
  found = turns.summarize_speeds(measured, reference='here')
  # Images per second: 8, 4, 2 here and 2, 4, 4 there; ratios 1/4, 1, 2.
  assert found['here'] == {
    'clock': 4,
    'core': 2,
    'clock_ratio': 1,
    'core_ratio': 1,
  }
  assert found['there']['clock'] == 4
  assert found['there']['clock_ratio'] == 1
  # With speeds of 2, 6 and 4 there, the ratios are 1/4, 3/2 and 2, whereas the
  # ratio of the medians stays 1.
  measured['there'][1] = turns.Turn(12, 2.0, 4.0)
  found = turns.summarize_speeds(measured, reference='here')
  assert found['there']['clock_ratio'] == 1.5
  assert found['there']['clock'] == 4


def test_a_contender_is_measured_once_in_each_turn(clocks):
  order = []
  turns.take_turns(
    {'a': lambda: order.append('a'), 'b': lambda: order.append('b')}, turns=2
  )
  assert order == ['a', 'b'] * 3


def test_json_is_written_only_to_a_file_that_is_named(tmp_path):
  path = tmp_path / 'results.json'
  turns.write_json([{'clock': 1.5}], str(path))
  assert json.loads(path.read_text()) == [{'clock': 1.5}]
  turns.write_json([{'clock': 2.5}], None)
  assert json.loads(path.read_text()) == [{'clock': 1.5}]
