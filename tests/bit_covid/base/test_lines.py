# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Names on the terminal: nothing in them moves the cursor or ends a line."""

import sys

import pytest

from bit_covid.base import lines


@pytest.mark.parametrize(
  ('name', 'text'),
  [
    ('Kopie von Zoë 2.dcm', 'Kopie von Zoë 2.dcm'),
    ('患者.dcm', '患者.dcm'),
    ('a\x1b[2K\rError: b', r'a\x1b[2K\rError: b'),
    ('a\nError: b', r'a\nError: b'),
    ('a\x9b31m', r'a\x9b31m'),
    ('a\u2028b\u202eb', r'a\u2028b\u202eb'),
    ('a\udcff', r'a\udcff'),
    ('', ''),
  ],
  ids=ascii,
)
def test_what_cannot_be_seen_is_escaped(name, text):
  assert lines.shown(name) == text


def test_a_text_is_one_line(capsys):
  lines.say('a\nb')
  lines.say('c\x1b[0m', sys.stderr)
  assert capsys.readouterr() == ('a\\nb\n', 'c\\x1b[0m\n')
