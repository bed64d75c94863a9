# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""CSV files: formulas stay text, and errors name file and line."""

import csv

import pytest

from bit_covid.base import csv_file
from input_pipeline import image_csv

# OWASP, "CSV Injection": a cell that begins with one of these is a formula.
_FORMULAS = (
  '=1+1',
  '=HYPERLINK("http://x","y")',
  '+49',
  '-2+3',
  '@SUM(A1)',
  '\t=1',
  '\r=1',
  '\n=1',
)
_TEXTS = ("'", "''=1", "'=1", "'a", 'a=b', 'a-1.png', '', ' =1', "o'-x")


def test_a_text_is_no_formula_and_is_read_as_it_was(tmp_path):
  path = tmp_path / 'x.csv'
  for text in (*_FORMULAS, *_TEXTS):
    written = {'a': 'first', text or 'b': text, 'c': 'last'}
    csv_file.write(path, [written])
    with path.open(newline='') as file:
      for line in csv.reader(file):
        assert not line[1].startswith(tuple('=+-@\t\r\n'))
    ((_, row),) = csv_file.read(path, ['a'], allow_others=True).items()
    assert row == written


def test_only_formulas_are_written_otherwise():
  assert [csv_file.escaped(x) for x in ('a', '=1')] == ['a', "'=1"]


@pytest.mark.parametrize(
  ('content', 'line'),
  [
    ('a,b\n1,2\n3,"4\n5,6\n', 3),
    ('a,b\n1,2\n\n3,' + 'x' * 200_000 + '\n', 4),
    ('a,b\n1,"2\n2"\n3,"4"x\n', 4),
    ('a,b\n1,"2\n2"\n3\n', 4),
    ('a,b\n1,2\n ,3\n', 3),
  ],
  ids=['open', 'long', 'middle', 'short', 'empty'],
)
def test_an_error_names_the_line_on_which_the_row_begins(
  tmp_path, content, line
):
  path = tmp_path / 'labels.csv'
  path.write_text(content)
  with pytest.raises(ValueError, match=f'labels.csv:{line}: ') as error:
    csv_file.read(path, ['a', 'b'])
  assert len(str(error.value)) < 400


def test_images_are_read_by_the_same_rule(tmp_path):
  names = ['=1+1', '+49', '-2', '@A1', "'=1", "'a"]
  rows = [{'path': x, 'label': x, 'split': 'train'} for x in names]
  csv_file.write(tmp_path / 'images.csv', rows)
  labels, images = image_csv.read(tmp_path / 'images.csv', 'train')
  assert labels == tuple(sorted(names))
  assert [x.slice_id for x in images] == names


@pytest.mark.parametrize(
  ('row', 'line'),
  [('b,"N,train\n', 3), (f'b,{"N" * 200_000},train\n', 3)],
  ids=['open', 'long'],
)
def test_errors_in_lists_of_images_name_the_line(tmp_path, row, line):
  path = tmp_path / 'images.csv'
  path.write_text(f'path,label,split\na,N,train\n{row}c,N,train\n')
  with pytest.raises(ValueError, match=f'images.csv:{line}: a quotation mark'):
    image_csv.read(path, 'train')
