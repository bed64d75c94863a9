# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How every command is started, explains itself, and reports errors.

    def main(argv=None):
      return command.main(_parser(), _run, argv)

Uses the standard library alone, so that every room can import it.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
import contextlib
import io
import logging
import os
import re
import sys
import traceback
from typing import Any, NoReturn

from bit_covid.base import disk
from bit_covid.base import lines
from bit_covid.base import stop_signals

# Exit codes; 130 and 141 are what shells report for SIGINT and SIGPIPE, as are
# 129, 131 and 143 for SIGHUP, SIGQUIT and SIGTERM.
NOT_DONE = 1
WRONG_INPUT = 2
INTERRUPTED = 130
PIPE_CLOSED = 141


class Parser(argparse.ArgumentParser):
  """An ArgumentParser that reports an error in one line, without usage."""

  def error(self, message: str) -> NoReturn:
    """Prints the message and how to get help, and ends the program."""
    text = lines.shown(one_line(message))
    self.exit(WRONG_INPUT, f'Error: {text}; see {self.prog} --help\n')


def make_parser(
  module: str, *, description: str, examples: Sequence[str], notes: str = ''
) -> Parser:
  """Returns a parser with the flag --debug and with examples in its help.

  The help shows `python -m MODULE`, unless the command was started as a verb of
  `bit-covid`. A line with a comment may precede the arguments of an example.
  Notes stand below the examples.
  """
  parser = Parser(
    prog=program(module),
    description=description,
    epilog=epilog(examples, notes),
    formatter_class=argparse.RawDescriptionHelpFormatter,
  )
  parser.add_argument(
    '--debug',
    action='store_true',
    help='show the traceback of an error, and what libraries log',
  )
  return parser


def program(module: str) -> str:
  """Returns how the user started it: 'bit-covid VERB' or 'python -m MODULE'."""
  is_verb = sys.argv[0].startswith(verb_name(''))
  return sys.argv[0] if is_verb else f'python -m {module}'


def verb_name(verb: str) -> str:
  """Returns the program name of a verb, such as 'bit-covid predict'."""
  return f'bit-covid {verb}'


def epilog(examples: Sequence[str], notes: str = '') -> str:
  """Returns the last part of a help text; '%(prog)s' is the program's name."""
  texts = ['Examples:']
  for example in examples:
    comment, _, arguments = example.rpartition('\n')
    if comment:
      texts.append(f'  # {comment}')
    texts.append(f'  %(prog)s {arguments}')
  if notes:
    texts += ['', notes]
  return '\n'.join(texts)


def main(
  parser: argparse.ArgumentParser,
  work: Callable[[argparse.Namespace], int],
  argv: Sequence[str] | None = None,
  **options: Any,
) -> int:
  """Returns the exit code of `work`, called with the parsed arguments.

  The options are keyword arguments of `run`, except `debug`.
  """
  arguments = parser.parse_args(
    expand_home(sys.argv[1:] if argv is None else argv)
  )
  return run(lambda: work(arguments), debug=arguments.debug, **options)


def expand_home(argv: Sequence[str]) -> list[str]:
  """Returns arguments in which a path's `~` is the home folder.

  Shells leave it as it is after an equals sign, as in `--output=~/results`.
  """
  home = os.path.expanduser('~')
  return [
    re.sub(r'(^|=)~(?=/|$)', lambda found: found[1] + home, x) for x in argv
  ]


def run(
  work: Callable[[], int],
  *,
  debug: bool,
  errors: tuple[type[Exception], ...] = (),
  failures: tuple[type[Exception], ...] = (),
  words: Mapping[str, str] | None = None,
  stopped: str | Callable[[], str] = 'Stopped.',
) -> int:
  """Returns the exit code of `work()`; prints expected errors in one line.

  An error may have an `exit_code` of its own. Any other exception is a bug and
  is raised as it is. The signals of `stop_signals` stop the work, with exit
  code 128 and their number.

  Args:
    work: does everything and returns the exit code.
    debug: print the traceback before the line.
    errors: exceptions of wrong input (exit code 2), as ValueError and OSError.
    failures: exceptions that can happen with correct input (exit code 1), as
      a disk without room.
    words: replacements in error messages, applied in this order.
    stopped: message after a signal, or a function that returns it, unless the
      work says where it stands.
  """
  stop_signals.forget()
  _escape_odd_names()
  _set_noise(debug)
  try:
    with stop_signals.handled(stop_signals.raise_if_received):
      return _run_to_the_end(work)
  except KeyboardInterrupt as stop:
    with contextlib.suppress(OSError):  # The terminal may be closed.
      print(file=sys.stderr)
      text = stopped if isinstance(stopped, str) else stopped()
      lines.say(str(stop) or text, sys.stderr)
    return getattr(stop, 'exit_code', INTERRUPTED)
  except BrokenPipeError:
    # The reader, such as `| head`, has ended: the rest of the output is
    # discarded.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
  except (ValueError, OSError, *errors, *failures) as error:
    if debug:
      traceback.print_exc()
    say_error(error, words or {})
    has_failed = isinstance(error, failures) or disk.is_full(error)
    code = NOT_DONE if has_failed else WRONG_INPUT
    return getattr(error, 'exit_code', code)


def _set_noise(debug: bool) -> None:
  if debug:
    # All that TensorFlow and XLA have to say; otherwise only their errors.
    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '0'
  else:
    # At its first use it warns that it looks for the fonts of the machine.
    logging.getLogger('matplotlib.font_manager').setLevel(logging.ERROR)


def _escape_odd_names() -> None:
  for stream in (sys.stdout, sys.stderr):
    # The name of a file may hold bytes that are not UTF-8.
    if isinstance(stream, io.TextIOWrapper):
      stream.reconfigure(errors='backslashreplace')


def _run_to_the_end(work: Callable[[], int]) -> int:
  code = work()
  # Flushed here, so that a closed pipe raises inside the `try` of `run`.
  sys.stdout.flush()
  stop_signals.raise_if_received()  # If it was swallowed.
  return code


def say_error(
  error: Exception | str, words: Mapping[str, str] | None = None
) -> None:
  """Prints an error as one line, whatever the names of files in it hold."""
  text = str(error) if isinstance(error, str) else disk.problem(error)
  text = one_line(text or str(error)) or type(error).__name__
  for field, flag in (words or {}).items():
    text = text.replace(field, flag)
  lines.say(f'Error: {text}', sys.stderr)


def one_line(text: str) -> str:
  """Returns the text with each run of white space replaced by one space."""
  return ' '.join(text.split())
