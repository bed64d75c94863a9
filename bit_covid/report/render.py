# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Renders the content of a report as HTML or Markdown."""

import pathlib

from bit_covid.base import page_templates
from bit_covid.report import content as report_content
from bit_covid.report import facts
from bit_covid.report import page

_FORMATS = {
  'html': ('report.html.j2', 'index.html'),
  'markdown': ('report.md.j2', 'report.md'),
}
FORMATS = tuple(_FORMATS)


def render(
  content: report_content.Content, file_format: str
) -> tuple[str, str]:
  """Returns the file name and the text of a report.

  Args:
    content: the numbers, figures and facts that it shows.
    file_format: one of `FORMATS`.
  """
  template, file_name = _FORMATS[file_format]
  environment = page_templates.environment(
    pathlib.Path(__file__).parent / 'templates',
    autoescape=file_format == 'html',
  )
  environment.keep_trailing_newline = True
  environment.filters['md'] = escape_markdown
  name = facts.data_name(content.config)
  text = environment.get_template(template).render(
    caution=facts.caution(content.config),
    data=name or 'data of unknown name',
    split=content.split,
    highlights=page.highlights(content.numbers[content.split]),
    sections=page.sections(content, name),
  )
  return file_name, text


def escape_markdown(text: object) -> str:
  """Returns the text on one line, escaped for Markdown."""
  text = ' '.join(str(text).split())
  return ''.join(f'\\{x}' if x in '\\`*[]<>|#' else x for x in text)
