# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Metrics as a table for a terminal."""

import numpy as np

from bit_covid.analysis import metrics
from bit_covid.analysis import terminal


def test_table_has_every_number(capsys):
  confusion = np.array([[1200, 0, 0], [0, 0, 0], [30, 0, 10]])
  terminal.show_summary(
    'test', metrics.summary(confusion, ('Normal', 'CP', 'NCP'))
  )
  text = capsys.readouterr().out
  assert 'test: accuracy 97.58% of 1,240 slices' in text
  rows = [line.split() for line in text.splitlines()]
  assert ['Normal', '100.00%', '97.56%', '25.00%', '100.00%'] in rows
  assert ['CP', 'undefined', 'undefined', '100.00%', '100.00%'] in rows
  assert ['Normal', '1,200', '0', '0'] in rows
  assert ['NCP', '30', '0', '10'] in rows
  assert 'truth in rows, prediction in columns' in text
  assert max(map(len, text.splitlines())) <= 80


def test_table_is_text_in_a_notebook_too(capsys, monkeypatch):
  summary = metrics.summary(np.array([[3, 1], [0, 2]]), ('a', 'b'))
  terminal.show_summary('test', summary)
  text = capsys.readouterr().out
  monkeypatch.setattr('rich.console._is_jupyter', lambda: True)
  monkeypatch.setenv('FORCE_COLOR', '1')
  terminal.show_summary('test', summary)
  assert capsys.readouterr().out == text


def test_a_pipe_gets_plain_lines_and_paths_in_one_piece(capsys):
  table = terminal.new_table('Name', ['Slices'])
  table.add_row('a', '1')
  path = '[red]/' + 'x' * 200
  terminal.show(path, table)
  lines = capsys.readouterr().out.splitlines()
  assert lines[0] == path
  assert '\x1b' not in ''.join(lines)
  assert all(line == line.rstrip() for line in lines)


def test_names_of_classes_are_text_and_not_sequences_or_markup(capsys):
  names = ('[bold]a', 'b\x1b[31m')
  summary = metrics.summary(np.array([[3, 1], [0, 2]]), names)
  terminal.show_summary('test\nError: x', summary)
  text = capsys.readouterr().out
  assert r'test\nError: x' in text
  assert '[bold]a' in text
  assert r'b\x1b[31m' in text
  assert '\x1b' not in text


def test_wide_cells_get_several_lines_and_lose_nothing(capsys):
  headings = [f'{x}{x}' * 12 for x in 'abcdef']
  table = terminal.new_table('Name', headings, no_wrap=False)
  cells = [f'{i}7.1 % (94.0 to 98.9) of {i}' for i in range(7)]
  table.add_row(*cells)
  terminal.show(table)
  printed = capsys.readouterr().out
  assert max(map(len, printed.splitlines())) <= 100
  letters = [x for x in printed if x.strip()]
  for text in (*headings, *cells):
    for letter in set(text) - {' '}:
      assert letters.count(letter) == sum(
        x.count(letter) for x in ('Name', *headings, *cells)
      )
