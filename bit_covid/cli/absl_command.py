# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A command with absl's flags, with the manners of the others.

absl's own would end in its exit code 1, after pages of usage, or in a
traceback where a config cannot be read.
"""

from collections.abc import Callable, Sequence
import re
import sys

from absl import app
from absl import flags

from bit_covid.base import command

_HELP = frozenset(('-h', '-help', '--help', '-helpshort', '--helpshort'))
# `name = 'lr'` of ml_collections, where a flag names a field that is not there.
_UNKNOWN_FIELD = (AttributeError, KeyError)
_QUOTES = '\'"'
# Before the message of what happened in a config file, in the text of another.
_LAST_OF_TRACEBACK = re.compile(r'Traceback .*\n\s*\w+: ', re.DOTALL)


def run(
  work: Callable[[], int],
  argv: Sequence[str],
  *,
  help_text: Callable[[str], str],
  failures: tuple[type[Exception], ...] = (),
  stopped: str,
) -> int:
  """Returns the exit code of `work()`, which is called after absl has started.

  Args:
    work: reads the flags.
    argv: without the program's name.
    help_text: from the table of flags to the help of the command.
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
    # Not of the flags, which may be what is wrong.
    debug='--debug' in argv,
    failures=failures,
    stopped=stopped,
  )


def _parse(argv: list[str]) -> list[str]:
  """Returns the program's name, after parsing the flags.

  Raises:
    ValueError: they are not as they should be, or the config is not.
  """
  try:
    _, *others = flags.FLAGS(argv)
  except _UNKNOWN_FIELD as error:
    raise ValueError(
      f'The config has no field {str(error).strip(_QUOTES)!r}, which a flag '
      'names. All fields are in configs/common.py.'
    ) from error
  except (flags.Error, TypeError) as error:
    raise ValueError(_LAST_OF_TRACEBACK.sub('', str(error))) from error
  if others:
    raise ValueError(f'Unexpected arguments: {others}')
  return argv[:1]


def _table_of_flags() -> str:
  """Returns a line or two for each flag of the command itself."""
  names = flags.FLAGS.flags_by_module_dict()
  own = names[flags.FLAGS.find_module_defining_flag('workdir')]
  return '\n'.join(f'  --{flag.name}\n      {flag.help}' for flag in own)
