# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Turns, ratios and failures of programs whose times are known."""

import time

import pytest

from benchmarks.accelerator import comparison
from benchmarks.accelerator import rows
from benchmarks.accelerator import table

ROW = rows.Row('forward', 'tiny', 32, 'float32', 8, ('here', 'compiled'))
FACTS = {'device': 'NVIDIA L4'}
NO_MEMORY = {'failed': 'x', 'out_of_memory': True}
TIMES = {'here': [1.0, 2.0, 4.0], 'compiled': [4.0, 2.0, 6.0]}


@pytest.fixture
def run(tmp_path, monkeypatch):
  """Runs ROW with workers that do not fit on the card together, if asked."""

  def run(*, capacity=2, until=None, fails=()):
    alive, asked = [], []

    class Worker:
      def __init__(self, job, **arguments):
        self.job, self.times = job, iter(TIMES[job])

      def __enter__(self):
        alive.append(self.job)
        return self

      def __exit__(self, *exception):
        alive.remove(self.job)

      def ask(self, question=None, *, until):
        asked.append((self.job, question))
        if question == 'turn':
          return {'step_seconds': next(self.times)}
        if question == 'peak':
          return {'peak_bytes': 3 * 10**9}
        if self.job in fails or len(alive) > capacity:
          return NO_MEMORY
        return {'compile_seconds': 5.0, 'steps': 1}

    monkeypatch.setattr(comparison.worker, 'Worker', Worker)
    path = tmp_path / 'results.jsonl'
    results = rows.Results(path, FACTS)
    measured = comparison.Comparison({}, turns=3).run(
      ROW, results, until=time.monotonic() + 9 if until is None else until
    )
    found = [results.find(ROW.identity(x)) for x in ROW.programs]
    return measured, *found, asked, path

  return run


def test_programs_alternate_and_the_ratio_is_the_median_within_turns(run):
  measured, here, peer, asked, _ = run()
  assert measured
  turns = [job for job, question in asked if question == 'turn']
  assert turns == ['here', 'compiled'] * 3
  # Seconds 1, 2, 4 and 4, 2, 6: ratios 4, 1 and 1.5, and not 4 / 2.
  assert peer['here_is_faster_by'] == 1.5
  assert here['images_per_second'] == 8 / 2
  assert peer['took_turns']


def test_programs_that_do_not_fit_together_run_one_after_the_other(run):
  _, here, peer, asked, _ = run(capacity=1)
  turns = [job for job, question in asked if question == 'turn']
  assert turns == ['here'] * 3 + ['compiled'] * 3
  assert 'failed' not in here
  assert not peer['took_turns']


def test_a_program_without_memory_costs_only_its_own_line(run):
  _, here, peer, _, path = run(fails=['compiled'])
  assert here['images_per_second'] == 4
  assert peer == {'row': ROW.identity('compiled'), **NO_MEMORY, 'facts': FACTS}
  text = table.markdown(rows.read(path))
  assert '| compiled | out of memory |' in text
  # 4 images/s of the operations of the tiny network, at 30.3 TFLOP/s.
  assert '| 8 | here | 4 |  | 3 | 0.0% | 5 |' in text


def test_no_row_begins_after_the_end(run):
  measured, here, _, asked, _ = run(until=0.0)
  assert not measured
  assert here is None
  assert not asked
