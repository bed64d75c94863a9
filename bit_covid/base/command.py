# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The manners of every command: how it explains itself, fails and ends.

    def main(argv=None):
      arguments = _parser().parse_args(argv)
      return commands.run(lambda: _run(arguments), debug=arguments.debug)

The standard library alone, so that each room can use it.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
import os
import sys
import traceback
from typing import NoReturn

# Exit codes. Those of shells where a signal ends a program.
NOT_DONE = 1
WRONG_INPUT = 2
INTERRUPTED = 130
PIPE_CLOSED = 141

# What messages of the library call by a config's field, on a command line.
FIELDS_AS_FLAGS = {
  'config.data.name': '--dataset',
  'config.data.path': '--data',
  'config.data.': '--',
  'config.eval_batch': '--batch',
}

_CONSOLE_SCRIPT = 'bit-covid'


class Parser(argparse.ArgumentParser):
  """An ArgumentParser whose errors take one line."""

  def error(self, message: str) -> NoReturn:
    """Ends the program with the message, and says where help is."""
    text = f'Error: {one_line(message)}; see {self.prog} --help\n'
    self.exit(WRONG_INPUT, text)


def make_parser(
  module: str, *, description: str, examples: Sequence[str], notes: str = ''
) -> Parser:
  """Returns a parser with examples in its help, and with --debug.

  Args:
    module: that `python -m` runs; the program's name in help, unless it was
      called as a verb of `bit-covid`.
    description: what the command does, in a sentence.
    examples: arguments of the command, each with a comment line before it or
      without.
    notes: what else to say below them.
  """
  parser = Parser(
    prog=program(module),
    description=description,
    epilog=epilog(examples, notes),
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument(
    '--debug', action='store_true', help='a traceback with an error'
  )
  return parser


def program(module: str) -> str:
  """Returns what the user typed: 'bit-covid VERB', or 'python -m MODULE'."""
  return sys.argv[0] if is_verb(sys.argv[0]) else f'python -m {module}'


def verb_name(verb: str) -> str:
  """Returns the program's name of a verb, which `is_verb` knows."""
  return f'{_CONSOLE_SCRIPT} {verb}'


def is_verb(name: str) -> bool:
  """Returns whether a program's name is that of a verb of `bit-covid`."""
  return name.startswith(f'{_CONSOLE_SCRIPT} ')


def epilog(examples: Sequence[str], notes: str = '') -> str:
  """Returns the end of a help, in which '%(prog)s' is the program's name."""
  lines = ['Examples:']
  for example in examples:
    comment, _, arguments = example.rpartition('\n')
    if comment:
      lines.append(f'  # {comment}')
    lines.append(f'  %(prog)s {arguments}')
  if notes:
    lines += ['', notes]
  return '\n'.join(lines)


def run(
  work: Callable[[], int],
  *,
  debug: bool,
  errors: tuple[type[Exception], ...] = (),
  failures: tuple[type[Exception], ...] = (),
  words: Mapping[str, str] | None = None,
  stopped: str = 'Stopped.',
) -> int:
  """Returns the exit code of `work()`, after one line for what went wrong.

  What nobody foresaw is a bug and keeps its traceback.

  Args:
    work: does it all, and returns an exit code.
    debug: a traceback before the line.
    errors: that are the input's fault besides ValueError and OSError.
    failures: of right input; exit code 1.
    words: what to replace in messages, the first that fits.
    stopped: for a user who stopped it.
  """
  try:
    code = work()
    # Here and not at the interpreter's end, where nobody catches it.
    sys.stdout.flush()
    return code
  except KeyboardInterrupt:
    print(f'\n{stopped}', file=sys.stderr)
    return INTERRUPTED
  except BrokenPipeError:
    # `| head` has seen enough. What is still to be flushed goes nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
  except (ValueError, OSError, *errors, *failures) as error:
    if debug:
      traceback.print_exc()
    say_error(error, words or {})
    return NOT_DONE if isinstance(error, failures) else WRONG_INPUT


def say_error(
  error: Exception | str, words: Mapping[str, str] | None = None
) -> None:
  """Prints one line for an error, whatever a file name in it may hold."""
  text = one_line(str(error)) or type(error).__name__
  for field, flag in (words or {}).items():
    text = text.replace(field, flag)
  print(f'Error: {text}', file=sys.stderr)


def one_line(text: str) -> str:
  """Returns the text with each run of white space as one blank."""
  return ' '.join(text.split())
