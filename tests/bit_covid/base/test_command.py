# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How commands fail and end."""

import errno
import logging
import os
import pathlib
import subprocess
import sys

import pytest

from bit_covid.base import arguments
from bit_covid.base import command


class _BrokenError(ValueError):
  """An error with an exit code of its own."""

  exit_code = 1


def _raise(error):
  def work():
    raise error

  return work


@pytest.mark.parametrize(
  ('error', 'code', 'text'),
  [
    (ValueError('a\nb  c'), 2, 'Error: a b c\n'),
    (ValueError('a\x1b[2K\rError: b'), 2, 'Error: a\\x1b[2K Error: b\n'),
    (FileNotFoundError('gone'), 2, 'Error: gone\n'),
    (
      FileNotFoundError(errno.ENOENT, 'No such file', 'a.csv'),
      2,
      'Error: a.csv does not exist; check its name and place.\n',
    ),
    (
      OSError(errno.EDQUOT, 'Disk quota exceeded', 'a.npz'),
      1,
      'Error: a.npz has no room in your quota. Make room, then give the same '
      'command again.\n',
    ),
    (KeyboardInterrupt(), 130, '\nStopped.\n'),
    (FloatingPointError('NaN'), 1, 'Error: NaN\n'),
    (_BrokenError('a.png is gone'), 1, 'Error: a.png is gone\n'),
    (TypeError('flag'), 2, 'Error: flag\n'),
    (ValueError('config.data.path is wrong'), 2, 'Error: --data is wrong\n'),
    (ValueError(), 2, 'Error: ValueError\n'),
  ],
)
def test_one_line_and_an_exit_code(capsys, error, code, text):
  result = command.run(
    _raise(error),
    debug=False,
    errors=(TypeError,),
    failures=(FloatingPointError,),
    words=arguments.FIELDS_AS_FLAGS,
  )
  assert result == code
  assert capsys.readouterr().err == text


def test_main_hands_the_parsed_arguments_on_and_reports_errors(capsys):
  def work(arguments):
    if arguments.x == 'bad':
      raise TypeError(f'--x={arguments.x}; expected good.')
    return len(arguments.x)

  parser = command.make_parser('a.b', description='D.', examples=())
  parser.add_argument('--x')
  assert command.main(parser, work, ['--x=good'], errors=(TypeError,)) == 4
  arguments = ['--x=bad', '--debug']
  assert command.main(parser, work, arguments, errors=(TypeError,)) == 2
  error = capsys.readouterr().err
  assert error.startswith('Traceback')
  assert error.endswith('Error: --x=bad; expected good.\n')
  assert command.main(parser, work, ['--x=bad'], failures=(TypeError,)) == 1
  assert capsys.readouterr().err == 'Error: --x=bad; expected good.\n'


def test_debug_shows_where(capsys):
  assert command.run(_raise(ValueError('a')), debug=True) == 2
  error = capsys.readouterr().err
  assert error.startswith('Traceback')
  assert error.endswith('Error: a\n')


def test_debug_shows_what_libraries_log(monkeypatch):
  monkeypatch.setenv('TF_CPP_MIN_LOG_LEVEL', '3')
  fonts = logging.getLogger('matplotlib.font_manager')
  monkeypatch.setattr(fonts, 'level', logging.NOTSET)
  level = lambda: os.environ['TF_CPP_MIN_LOG_LEVEL']  # noqa: E731
  seen = []
  command.run(lambda: seen.append(level()) or 0, debug=False)
  assert not fonts.isEnabledFor(logging.WARNING)
  command.run(lambda: seen.append(level()) or 0, debug=True)
  assert seen == ['3', '0']


def test_a_message_after_a_signal_is_made_when_it_comes(capsys):
  def work():
    raise KeyboardInterrupt

  assert command.run(work, debug=False, stopped=lambda: 'Step 3.') == 130
  assert capsys.readouterr().err == '\nStep 3.\n'


def test_a_bug_keeps_its_traceback():
  with pytest.raises(ZeroDivisionError):
    command.run(lambda: 1 // 0, debug=False)


def test_the_exit_code_is_that_of_the_work():
  assert command.run(lambda: 1, debug=False) == 1


def test_a_pipe_that_closes_is_no_error():
  program = (
    'import sys; from bit_covid.base import command\n'
    'def work():\n'
    '  for i in range(100_000): print(i)\n'
    '  return 0\n'
    'sys.exit(command.run(work, debug=False))'
  )
  with subprocess.Popen(
    [sys.executable, '-c', program],
    cwd=pathlib.Path(__file__).parents[3],
    env=os.environ,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  ) as process:
    assert process.stdout.readline() == '0\n'
    process.stdout.close()
    assert process.stderr.read() == ''
  assert process.returncode == command.PIPE_CLOSED


def test_wrong_arguments_get_one_line(capsys):
  parser = command.make_parser('a.b', description='D.', examples=('--x=1',))
  with pytest.raises(SystemExit, match='2'):
    parser.parse_args(['--y'])
  error = capsys.readouterr().err
  assert error.count('\n') == 1
  assert error.startswith('Error: ')
  assert 'python -m a.b --help' in error


def test_tilde_is_the_home_folder_in_every_path(monkeypatch):
  monkeypatch.setenv('HOME', '/home/someone')
  arguments = ['~/scans', '--output=~/x', '--covidnet=A=~/y', '~', 'a~/b', '-x']
  assert command.expand_home(arguments) == [
    '/home/someone/scans',
    '--output=/home/someone/x',
    '--covidnet=A=/home/someone/y',
    '/home/someone',
    'a~/b',
    '-x',
  ]
  parser = command.make_parser('a.b', description='D.', examples=())
  parser.add_argument('--x', type=pathlib.Path)
  found = []
  command.main(parser, lambda x: found.append(x.x) or 0, ['--x=~/z'])
  assert found == [pathlib.Path('/home/someone/z')]


def test_names_that_are_not_utf8_are_printed_escaped():
  text = (
    'import os; from bit_covid.base import command\n'
    r'work = lambda: print(os.fsdecode(b"M\xfcller")) or 0'
    '\ncommand.run(work, debug=False)'
  )
  done = subprocess.run(
    [sys.executable, '-c', text],
    env=os.environ | {'PYTHONIOENCODING': 'utf-8:strict'},
    capture_output=True,
    text=True,
    check=True,
  )
  assert done.stdout == '\\'.join(['M', 'udcfcller\n'])
