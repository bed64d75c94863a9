# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Statements on a run, filled with the fields of its files that they quote.

The text '{config.batch} slices a step' quotes the field `batch` of the file
that `evidence` calls 'config'.
"""

from collections.abc import Mapping, Sequence
import re
from typing import Any, NamedTuple

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import measure_text
from bit_covid.card import evidence as evidence_lib

_PLACEHOLDER = re.compile(r'\{([a-z]+)\.?([^{}]*)\}')
_NOTHING = (None, '', [], (), {})


class Answer(NamedTuple):
  """A text, and the files and fields that say so.

  Without a source it is open: the text is what a person must fill in, or the
  command that has to be run.
  """

  text: str
  source: str = ''


def fill(
  statement: Mapping[str, Any], evidence: evidence_lib.Evidence
) -> Answer:
  """Returns the answer of a statement; statements.toml describes its keys."""
  quoted = _PLACEHOLDER.findall(statement['text'])
  quoted += [x.partition('.')[::2] for x in statement.get('needs', ())]
  for name, path in quoted:
    file = evidence[name]
    if file.content in _NOTHING:
      return Answer(f'{file.name} does not exist; {file.remedy}')
    value = look_up(file.content, path)
    if value is None:
      text = f'{path}, which {file.name} does not say; {file.remedy}'
      return Answer(statement.get('otherwise', text))
    if isinstance(value, Mapping) and 'missing' in value:
      return Answer(value['missing'], _source([(name, path)], evidence))
  text = _PLACEHOLDER.sub(
    lambda x: _text(look_up(evidence[x[1]].content, x[2]), x[2]),
    statement['text'],
  )
  return Answer(text, statement.get('source') or _source(quoted, evidence))


def look_up(content: Any, path: str) -> Any:
  """Returns the value at a path such as 'data.crop', None where there is none.

  Where the report gives a reason why there is none, the value is
  `{'missing': reason}`.
  """
  for key in filter(None, path.split('.')):
    parent = content if isinstance(content, Mapping) else {}
    content = parent.get(key)
    if content in _NOTHING:
      return {'missing': parent['missing']} if 'missing' in parent else None
  return content


def _text(value: Any, path: str) -> str:
  if isinstance(value, Mapping):
    if 'value' in value:
      return _measure(value, path)
    value = [f'{key} {_text(x, path)}' for key, x in value.items()]
  if isinstance(value, list | tuple):
    texts = [_text(x, path) for x in value]
    return ('; ' if any(', ' in x for x in texts) else ', ').join(texts)
  if isinstance(value, bool):
    return 'yes' if value else 'no'
  if isinstance(value, float):
    return f'{value:.4g}'
  return f'{value:,}' if isinstance(value, int) else str(value)


def _measure(found: Mapping[str, float | None], path: str) -> str:
  name = next(x for x in path.split('.') if x in measure_text.HEADINGS)
  if found['value'] is None:
    return f'{measure_text.UNDEFINED} (nothing to measure it on)'
  unit = ' %' if measure_text.HEADINGS[name].endswith('%') else ''
  text = measure_text.number(found['value'], name) + unit
  if found['low'] is None:
    return f'{text} (no interval)'
  level = f'{interval_lib.LEVEL_TEXT} interval'
  return f'{text} ({level} {measure_text.interval(found, name)})'


def _source(
  quoted: Sequence[tuple[str, str]], evidence: evidence_lib.Evidence
) -> str:
  """Returns a text such as 'config.json: data.crop, batch; splits.csv'."""
  fields: dict[str, dict[str, None]] = {}
  for name, path in quoted:
    file = evidence[name]
    found = fields.setdefault(file.name, {})
    if path:
      found[file.prefix + path] = None
  return '; '.join(
    f'{name}: {", ".join(x)}' if x else name for name, x in fields.items()
  )
