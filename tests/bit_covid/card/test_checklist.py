# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The checklists as data."""

import re
import tomllib

import pytest

from bit_covid.card import checklist

_FOLDER = checklist._FOLDER


def _read(name):
  return tomllib.loads((_FOLDER / f'{name}.toml').read_text())


def _numbers(name):
  sections = _read(name)['sections']
  return [item['number'] for section in sections for item in section['items']]


@pytest.mark.parametrize(
  ('name', 'main_items', 'rows', 'doi'),
  [
    ('claim', 44, 44, '10.1148/ryai.240300'),
    ('tripod_ai', 27, 52, '10.1136/bmj-2023-078378'),
    ('stard_ai', 40, 48, '10.1038/s41591-025-03953-8'),
  ],
)
def test_no_item_is_left_out(name, main_items, rows, doi):
  numbers = _numbers(name)
  assert len(numbers) == len(set(numbers)) == rows
  # In order, each with its letters in order.
  main = [int(re.sub('[a-z]', '', x)) for x in numbers]
  assert main == sorted(main)
  assert set(main) == set(range(1, main_items + 1))
  assert doi in _read(name)['citation']


def test_probast_has_16_and_18_questions_in_four_domains():
  numbers = _numbers('probast_ai')
  # Moons et al. 2025: questions of the domains of each part.
  for part, counts in (('D', (3, 4, 4, 5)), ('E', (3, 4, 4, 7))):
    expected = [
      f'{part}{domain}.{i}'
      for domain, count in enumerate(counts, start=1)
      for i in range(1, count + 1)
    ]
    assert [x for x in numbers if x[0] == part] == expected


def test_every_statement_is_used_and_every_item_has_an_answer():
  used = set()
  for name in checklist.NAMES:
    for section in _read(name)['sections']:
      for item in section['items']:
        assert item.keys() <= {'number', 'text', 'known', 'open'}
        assert item.get('known') or item.get('open'), item
        used |= set(item.get('known', ()))
  statements = _read('statements')
  assert used == statements.keys()
  keys = {'text', 'source', 'needs', 'otherwise'}
  assert all(x.keys() <= keys for x in statements.values())
