# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The headline numbers: the whole is not alone where sources are known."""

import numpy as np
import pytest

from bit_covid.analysis import predictions
from bit_covid.analysis import terminal
from bit_covid.report import highlights
from bit_covid.report import numbers


def _numbers(sources):
  """Returns numbers of 24 patients, of whom those of source B are mistaken."""
  source = np.repeat([sources[i % len(sources)] for i in range(24)], 2)
  label = np.repeat(np.arange(24) // len(sources) % 2, 2)
  predicted = np.where(source == 'B', 1 - label, label)
  table = predictions.make_table(
    slice_id=[f'{i}.png' for i in range(48)],
    patient_id=[str(i // 2) for i in range(48)],
    source=source,
    label=label,
    probabilities=np.where(np.eye(2)[predicted] == 1, 0.9, 0.1),
    class_names=('Normal', 'NCP'),
  )
  return numbers.collect({'test': table})['test']


def test_the_source_of_lowest_accuracy_stands_beside_the_whole():
  *_, found = highlights.highlights(_numbers('AB'))
  title, value, _, what = found
  assert title == 'Accuracy of slices, B'
  assert value == '0.00 %'
  assert what == (
    '24 slices of 12 patients, the lowest of 2 sources (see Subgroups)'
  )


# Six patients each are too few to read.
@pytest.mark.parametrize('sources', ['A', 'ABCD'])
def test_one_source_or_small_ones_are_no_headline(sources):
  titles = [x[0] for x in highlights.highlights(_numbers(sources))]
  assert titles == ['Accuracy of slices', 'Accuracy of patients']


def test_an_evaluation_prints_every_source(capsys):
  terminal.show_intervals('test', _numbers('AB'))
  rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()]
  assert ['A', '24', '100.00'] in rows
  assert ['B', '24', '0.00'] in rows
  terminal.show_intervals('test', _numbers('A'))
  assert 'Source' not in capsys.readouterr().out
