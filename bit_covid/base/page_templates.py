# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How the templates of pages are rendered, and the style that pages share."""

import base64
import pathlib

import jinja2

DISCLAIMER = 'Research software, not a medical device.'

_SHARED = pathlib.Path(__file__).parent / 'templates'


def environment(
  folder: pathlib.Path, *, autoescape: bool = True
) -> jinja2.Environment:
  """Returns what renders the templates of a folder, and those of all pages.

  Templates may include 'page.css' and have the variable `disclaimer`. In HTML,
  names of classes are the user's text, never markup: it needs `autoescape`.
  """
  found = jinja2.Environment(
    loader=jinja2.FileSystemLoader([folder, _SHARED]),
    autoescape=autoescape,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
  )
  found.globals['disclaimer'] = DISCLAIMER
  found.filters['md'] = _escape_markdown
  found.filters['base64'] = lambda x: base64.b64encode(x).decode('ascii')
  return found


def _escape_markdown(text: object) -> str:
  """Returns the text on one line, escaped for Markdown."""
  text = ' '.join(str(text).split())
  return ''.join(f'\\{x}' if x in '\\`*[]<>|#' else x for x in text)
