# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the model card and the checklists of a run, as Markdown and HTML."""

import pathlib

from etils import epath

from bit_covid.base import files
from bit_covid.base import page_templates
from bit_covid.card import checklist
from bit_covid.card import evidence as evidence_lib
from bit_covid.card import hub_metadata
from bit_covid.card import statement

_TEMPLATES = pathlib.Path(__file__).parent / 'templates'
_TITLE = {'text': 'Network {config.model.name} on {config.data.name}'}
_NO_TITLE = 'A network'


def write(workdir: pathlib.Path) -> list[checklist.Checklist]:
  """Returns the filled lists, the model card first, after writing RUN/card.

  Raises:
    ValueError: the run has no report, or a file is damaged.
  """
  evidence = evidence_lib.read(workdir)
  lists = [checklist.fill(name, evidence) for name in checklist.NAMES]
  named = statement.fill(_TITLE, evidence)
  title = named.text if named.source else _NO_TITLE
  folder = epath.Path(workdir) / 'card'
  folder.mkdir(exist_ok=True)
  for name in ('README.md', 'checklists.md', 'index.html'):
    environment = page_templates.environment(
      _TEMPLATES, autoescape=name.endswith('.html')
    )
    environment.keep_trailing_newline = True
    text = environment.get_template(f'{name}.j2').render(
      title=title,
      caution=evidence['caution'].content['data']['name'],
      lists=lists,
      findings=evidence['findings'],
      hub=hub_metadata.to_yaml(title, evidence),
    )
    files.write(folder / name, text.encode())
  return lists
