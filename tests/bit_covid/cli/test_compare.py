# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command that compares two runs."""

import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.analysis import terminal
from bit_covid.cli import compare
from bit_covid.cli import comparison


def _table(rate, *, count=600):
  generator = np.random.default_rng(0)
  label = np.repeat([0, 1, 2], count // 3)
  is_right = generator.random(count) < rate
  predicted = np.where(is_right, label, (label + 1) % 3)
  return predictions.make_table(
    slice_id=[f's{i}' for i in range(count)],
    patient_id=[f'p{i // 5}' for i in range(count)],
    source=np.full(count, ''),
    label=label,
    probabilities=np.eye(3)[predicted] * 0.7 + 0.1,
    class_names=('Normal', 'CP', 'NCP'),
  )


@pytest.fixture
def runs(tmp_path):
  """A folder with two work directories, of which the second is better."""
  for name, rate in {'a': 0.8, 'b': 0.95}.items():
    predictions.write(_table(rate), tmp_path / name / 'predictions/test.csv')
  return tmp_path


def test_table_and_sentence(runs, capsys):
  arguments = [str(runs / 'a'), str(runs / 'b')]
  assert compare.main(arguments) == 0
  captured = capsys.readouterr()
  assert captured.err == ''
  a, b = (metrics.measure(_table(r))['accuracy'] for r in (0.8, 0.95))
  row = next(
    line.split()
    for line in captured.out.splitlines()
    if line.strip().startswith('Accuracy')
  )
  expected = [f'{100 * a:.2f}', f'{100 * b:.2f}', f'{100 * (b - a):+.2f}']
  assert row[1:4] == expected
  assert row[5] == 'to'
  for heading in ('MCC', 'Kappa', 'NPV, CP', 'ROC AUC, NCP'):
    assert heading in captured.out
  assert '600 slices of 120 patients' in captured.out
  assert 'probability 5e-05: B is more accurate, by' in captured.out


def test_csv_and_another_split(runs, capsys):
  file = str(runs / 'a/predictions/test.csv')
  predictions.write(_table(0.8), runs / 'b/predictions/val.csv')
  arguments = [file, str(runs / 'b'), '--split=val']
  assert compare.main(arguments) == 0
  out = capsys.readouterr().out
  assert 'with probability 1: these slices do not tell' in out


def test_one_error_more_in_each_of_four_patients_is_no_verdict(runs, capsys):
  # 25 patients of each class: four of A have one error each, B has none.
  table = _table(1.0)
  worse = table.copy()
  columns = ['p_Normal', 'p_CP', 'p_NCP']
  for patient in ('p0', 'p1', 'p50', 'p100'):
    row = table.index[table['patient_id'] == patient][0]
    worse.loc[row, columns] = np.roll(table.loc[row, columns], 1)
  for name, each in (('a', worse), ('b', table)):
    predictions.write(each, runs / name / 'predictions/test.csv')
  assert compare.main([str(runs / 'a'), str(runs / 'b')]) == 0
  out = capsys.readouterr().out
  # Two of 16 ways to exchange A and B are as extreme.
  assert 'with probability 0.12: these slices do not tell' in out
  assert 'more accurate' not in out


def test_patients_whom_nobody_named(runs, capsys):
  for name, rate in (('a', 0.8), ('b', 0.95)):
    table = _table(rate)
    table['patient_id'] = table['slice_id']
    predictions.write(table, runs / name / 'predictions/test.csv')
  assert compare.main([str(runs / 'a'), str(runs / 'b')]) == 0
  out = capsys.readouterr().out
  assert 'intervals are over slices and too narrow' in out
  assert '600 slices. All values' in out


def test_every_measure_has_a_heading():
  assert set(terminal.HEADINGS) == set(metrics.OVERALL + metrics.PER_CLASS)


@pytest.mark.parametrize(
  ('low', 'chance', 'sentence'),
  [
    (-0.01, 0.01, 'probability 0.01: these slices do not tell'),
    (0.001, 0.125, 'probability 0.12: these slices do not tell'),
    (0.001, 0.01, 'probability 0.01: B is more accurate, by 0.50 points'),
  ],
)
def test_sentence(low, chance, sentence):
  difference = interval_lib.Interval(0.005, low, 0.02)
  assert re.search(sentence, comparison.verdict(difference, chance))


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['nowhere', 'b'], r'nowhere does not exist. Give a work directory'),
    (['a', 'b', '--split=val'], r'a/predictions/val.csv .* in .*a: test.'),
    (['a', 'empty'], r'Splits with predictions in .*empty: none; has the run'),
    (['a', 'fewer.csv'], r'different slices: 10 of 600 are only in A'),
    (['a', 'other.csv'], r'other.csv: the columns are'),
    (['a', 'words.csv'], r'Error: .*'),
    (['a', 'logits.csv'], r'600 of 600 rows have probabilities that do not'),
  ],
)
def test_errors_are_one_line(runs, capsys, monkeypatch, arguments, message):
  monkeypatch.chdir(runs)
  (runs / 'empty').mkdir()
  (runs / 'other.csv').write_text('x,y\n1,2\n')
  (runs / 'words.csv').write_text(
    'slice_id,patient_id,source,label,p_a\ns,p,,x,1'
  )
  predictions.write(_table(0.8).iloc[10:], runs / 'fewer.csv')
  logits = _table(0.8)
  logits[['p_Normal', 'p_CP', 'p_NCP']] = predictions.probabilities(logits) * 4
  predictions.write(logits, runs / 'logits.csv')
  assert compare.main(arguments) == 2
  captured = capsys.readouterr()
  assert captured.out == ''
  assert captured.err.startswith('Error: ')
  assert captured.err.count('\n') == 1
  assert re.search(message, captured.err)


def test_command(runs):
  root = pathlib.Path(compare.__file__).parents[2]
  command = [sys.executable, '-m', 'bit_covid.cli.compare', 'a', 'nowhere']
  result = subprocess.run(
    command,
    cwd=runs,
    env=os.environ | {'PYTHONPATH': str(root)},
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 2
  assert result.stderr == (
    'Error: nowhere does not exist. Give a work directory or a CSV of '
    'predictions.\n'
  )
