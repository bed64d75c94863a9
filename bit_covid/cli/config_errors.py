# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is said of a config file that cannot be read, or of its flags."""

import re
import traceback

from absl import flags

from bit_covid.base import config_files

FIELDS = f'All fields are in {config_files.shown("common")}.'
EXPECTED = (
  f'expected one of {", ".join(config_files.NAMES)}, or a file of your own.'
)
# The message of ml_collections if a flag or a config file sets a field that
# does not exist: its name or a sentence, and a similar name if there is one.
_UNKNOWN_FIELD = re.compile(
  r'\W*(?:KeyError\W*)?(?:Key "(\w+)" does not exist|(\w+)\W*(?:nDid|$))'
)
_SIMILAR_FIELD = re.compile(r'Did you mean "(\w+)"')
# Other messages of ml_collections, and what is said instead.
_SENTENCES = (
  (
    re.compile(r"Attempted .*\]:\s+(\S+)\s+\[Errno 2\].*'\1'"),
    f'--config={{}} does not exist; {EXPECTED}',
  ),
  (
    re.compile(r"Is a directory: '(.*)'"),
    f'--config={{}} is a folder; {EXPECTED}',
  ),
  (
    re.compile(r'flag (--config\.[\w.]+=.*?): '),
    f'{{}} is a value of another kind than the field has. {FIELDS}',
  ),
  (
    re.compile(r"Could not override field '(\w+)'[^.]*\. (.*) is of original"),
    f"'{{1}}' is a value of another kind than the field {{0!r}} has. {FIELDS}",
  ),
)
# ml_collections puts a traceback before the message of a config file's error.
_TRACEBACK = re.compile(r'.*Traceback .*\n\s*\w+: ', re.DOTALL)


def explain(error: Exception) -> str:
  """Returns a message for an error of the flags or of the config file."""
  if isinstance(error, SyntaxError):
    place = f'{error.filename}:{error.lineno}: ' if error.filename else ''
    return f'The config file is no Python: {place}{error.msg}.'
  text = str(error)
  for pattern, sentence in _SENTENCES:
    if found := pattern.search(text):
      return sentence.format(*found.groups())
  unknown = _UNKNOWN_FIELD.match(text)
  if unknown and isinstance(error, AttributeError | KeyError):
    similar = _SIMILAR_FIELD.search(text)
    hint = f' Did you mean {similar[1]!r}?' if similar else ''
    name = unknown[1] or unknown[2]
    return f'The config has no field {name!r}.{hint} {FIELDS}'
  text = _TRACEBACK.sub('', text)
  if isinstance(error, flags.Error):
    return text
  return f'The config file is invalid: {_place(error)}{text}'


def _place(error: Exception) -> str:
  """Returns file and line of the user's code that raised the error, or ''."""
  frames = traceback.extract_tb(error.__traceback__)
  own = [x for x in frames if 'site-packages' not in x.filename]
  # The first frame is where the error was caught.
  is_here = not own or own[-1].filename == frames[0].filename
  return '' if is_here else f'{own[-1].filename}:{own[-1].lineno}: '
