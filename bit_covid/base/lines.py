# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Lines for a terminal that hold names of files, classes or patients.

A name may hold anything. One with an escape sequence could overwrite other
lines, and one with a line break could pass for a line of the program.

Uses the standard library alone, as `base.command` does.
"""

from typing import TextIO


def shown(text: str) -> str:
  r"""Returns the text with what cannot be seen escaped, such as '\x1b'."""
  return ''.join(x if x.isprintable() else ascii(x)[1:-1] for x in text)


def say(text: str, file: TextIO | None = None) -> None:
  """Prints the text as exactly one line, by default to standard output."""
  print(shown(text), file=file, flush=True)
