# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Lists of items, filled with statements on a run."""

from collections.abc import Mapping, Sequence
import pathlib
import tomllib
from typing import Any, NamedTuple

from bit_covid.card import evidence as evidence_lib
from bit_covid.card import statement

_FOLDER = pathlib.Path(__file__).parent / 'checklists'
# The model card has the form of a checklist, too.
NAMES = ('model_card', 'claim', 'tripod_ai', 'stard_ai', 'probast_ai')


class Item(NamedTuple):
  """An item in our words, and what is known; no source: it is left open."""

  number: str
  text: str
  answers: Sequence[statement.Answer]


class Checklist(NamedTuple):
  """Items by the heading of their section, and where they were published."""

  title: str
  citation: str
  sections: Mapping[str, Sequence[Item]]

  @property
  def counts(self) -> str:
    """How many items are filled, and how many are open, wholly or in part."""
    items = [x for section in self.sections.values() for x in section]
    filled = sum(all(x.source for x in item.answers) for item in items)
    begun = sum(any(x.source for x in item.answers) for item in items) - filled
    return (
      f'{filled} of {len(items)} items filled, {len(items) - filled} open '
      f'({begun} of them filled in part)'
    )


def fill(name: str, evidence: evidence_lib.Evidence) -> Checklist:
  """Returns a checklist, one of `NAMES`, filled for a run."""
  answers = {
    key: statement.fill(x, evidence) for key, x in _read('statements').items()
  }
  content = _read(name)
  sections = {
    section['title']: [_item(x, answers) for x in section['items']]
    for section in content['sections']
  }
  return Checklist(content['title'], content['citation'], sections)


def _item(
  item: Mapping[str, Any], answers: Mapping[str, statement.Answer]
) -> Item:
  # Several may need the same command.
  found = list(dict.fromkeys(answers[x] for x in item.get('known', ())))
  if 'open' in item:
    found.append(statement.Answer(item['open']))
  return Item(item['number'], item['text'], found)


def _read(name: str) -> dict[str, Any]:
  return tomllib.loads((_FOLDER / f'{name}.toml').read_text(encoding='utf-8'))
