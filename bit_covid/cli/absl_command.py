# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A command with absl's flags that behaves like the other commands.

absl itself would end with exit code 1 after pages of usage, or with a traceback
if a config cannot be read.
"""

from collections.abc import Callable, Sequence
import re
import sys

from absl import app
from absl import flags

from bit_covid.base import command

_HELP = frozenset(('-h', '-help', '--help', '-helpshort', '--helpshort'))
# The message of ml_collections if a flag or a config file sets a field that
# does not exist: its name or a sentence, and a similar name if there is one.
_UNKNOWN_FIELD = re.compile(
  r'\W*(?:KeyError\W*)?(?:Key "(\w+)" does not exist|(\w+)\W*(?:nDid|$))'
)
_SIMILAR_FIELD = re.compile(r'Did you mean "(\w+)"')
# ml_collections puts a traceback before the message of a config file's error.
_TRACEBACK = re.compile(r'.*Traceback .*\n\s*\w+: ', re.DOTALL)


def run(
  work: Callable[[], int],
  argv: Sequence[str],
  *,
  help_text: Callable[[str], str],
  failures: tuple[type[Exception], ...] = (),
  stopped: str,
) -> int:
  """Parses the flags, calls `work()` and returns its exit code.

  Args:
    work: the command, which reads the flags and returns an exit code.
    argv: arguments without the program's name.
    help_text: a function from the table of flags to the command's help.
    failures: as for `command.run`.
    stopped: as for `command.run`.
  """
  if _HELP.intersection(argv):
    print(help_text(_table_of_flags()))
    return 0

  def start() -> int:
    try:
      app.run(lambda _: work(), [sys.argv[0], *argv], flags_parser=_parse)
    except SystemExit as end:
      return end.code or 0

  return command.run(
    start,
    # Not read from the flags, as parsing them may be what fails.
    debug='--debug' in argv,
    failures=failures,
    stopped=stopped,
  )


def _parse(argv: list[str]) -> list[str]:
  """Parses the flags and returns the program's name, as absl expects.

  Raises:
    ValueError: a flag or the config file is invalid.
  """
  try:
    _, *others = flags.FLAGS(argv)
  except (AttributeError, KeyError) as error:
    raise ValueError(_explain(str(error))) from error
  except (flags.Error, TypeError) as error:
    raise ValueError(_TRACEBACK.sub('', str(error))) from error
  if others:
    raise ValueError(f'Unexpected arguments: {others}')
  return argv[:1]


def _explain(text: str) -> str:
  """Returns a message for an error about a field of the config."""
  unknown = _UNKNOWN_FIELD.match(text)
  if unknown is None:
    return f'The config file is invalid: {text}'
  name = unknown[1] or unknown[2]
  similar = _SIMILAR_FIELD.search(text)
  hint = f' Did you mean {similar[1]!r}?' if similar else ''
  return (
    f'The config has no field {name!r}.{hint} All fields are in '
    'configs/common.py.'
  )


def _table_of_flags() -> str:
  """Returns the name and the help of each flag of the command itself."""
  names = flags.FLAGS.flags_by_module_dict()
  own = names[flags.FLAGS.find_module_defining_flag('workdir')]
  return '\n'.join(f'  --{flag.name}\n      {flag.help}' for flag in own)
