# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes and evaluates a network.

python -m bit_covid.main --config=configs/demo.py --workdir=runs/demo
"""

from collections.abc import Sequence
import pathlib
import re
import sys
import traceback

from absl import app
from absl import flags
from absl import logging
from ml_collections import config_flags

from bit_covid.base import command
from bit_covid.base import config_files
from bit_covid.base import deterministic
from bit_covid.base import host_memory
from bit_covid.base import host_watch
from bit_covid.base import hosts
from bit_covid.base import stop_signals

_CONFIG = config_flags.DEFINE_config_file(
  'config',
  None,
  f'As CONFIG: {", ".join(config_files.NAMES)}, or a file of your own.',
  lock_config=True,
)
_WORKDIR = flags.DEFINE_string(
  'workdir',
  None,
  'Folder for checkpoints, metrics and predictions; default: runs/CONFIG.',
)
_DATA = flags.DEFINE_string(
  'data', None, 'Folder of the data; short for --config.data.path.'
)
_DISTRIBUTED = flags.DEFINE_bool(
  'distributed',
  False,
  'Several hosts that find each other: a TPU pod, SLURM, Open MPI.',
)
_COORDINATOR = flags.DEFINE_string(
  'coordinator', None, 'host:port of the first of several hosts.'
)
_NUM_PROCESSES = flags.DEFINE_integer(
  'num_processes', None, 'Number of hosts; with --coordinator.'
)
_PROCESS_ID = flags.DEFINE_integer(
  'process_id', None, 'Number of this host, from 0; with --coordinator.'
)
_START_SECONDS = flags.DEFINE_float(
  'start_seconds', 60, 'How long several hosts wait for each other to start.'
)
_MAX_MINUTES = flags.DEFINE_float(
  'max_minutes',
  0,
  'Save and stop after so many minutes of training; 0: no limit. The same '
  'command goes on.',
  lower_bound=0,
)
_DEBUG_NANS = flags.DEFINE_bool(
  'debug_nans',
  False,
  'Name the layer in which a training that diverges is NaN or infinite first; '
  'slower.',
)
_FOLDS = flags.DEFINE_integer(
  'folds',
  0,
  'Trains so many folds of a cross-validation by patient, with one report.',
)
flags.DEFINE_bool('debug', False, 'A traceback with an error.')

_HELP = frozenset(('-h', '-help', '--help', '-helpshort', '--helpshort'))
_FIELDS = f'All fields are in {config_files.shown("common")}.'
_EXPECTED = (
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
    f'--config={{}} does not exist; {_EXPECTED}',
  ),
  (
    re.compile(r"Is a directory: '(.*)'"),
    f'--config={{}} is a folder; {_EXPECTED}',
  ),
  (
    re.compile(r'flag (--config\.[\w.]+=.*?): '),
    f'{{}} is a value of another kind than the field has. {_FIELDS}',
  ),
  (
    re.compile(r"Could not override field '(\w+)'[^.]*\. (.*) is of original"),
    f"'{{1}}' is a value of another kind than the field {{0!r}} has. {_FIELDS}",
  ),
)
# ml_collections puts a traceback before the message of a config file's error.
_TRACEBACK = re.compile(r'.*Traceback .*\n\s*\w+: ', re.DOTALL)

_EXAMPLES = (
  'demo',
  'The paper, on all devices:\nbit_m --data=COVIDX_FOLDER',
  'What is varied most has a short form, any field a long one:\n'
  'bit_m:resolution=256x224,steps=5k --config.batch=32 --workdir=runs/small '
  '--data=COVIDX_FOLDER',
  'A config file of your own:\n--config=mine.py --workdir=runs/mine',
)
_NOTES = f"""\
A run that was interrupted goes on when the same command is given again.
{_FIELDS}
--helpfull: all flags, also of libraries."""


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after training and evaluating as the flags say."""
  argv = command.expand_home(sys.argv[1:] if argv is None else argv)
  if _HELP.intersection(argv):
    print(_help())
    return 0
  code = command.run(
    lambda: _run_with_flags(argv),
    # Not read from the flags, as parsing them may be what fails.
    debug='--debug' in argv,
    # The loss is NaN or infinite, or another host was lost, although the input
    # is valid.
    failures=(FloatingPointError, host_watch.HostsError),
    stopped='Stopped. The same command goes on from the last checkpoint.',
  )
  hosts.end_if_connected(code)
  return code


def _run_with_flags(argv: Sequence[str]) -> int:
  # absl alone would end with exit code 1 after pages of usage, or with a
  # traceback if a config cannot be read.
  argv = [sys.argv[0], *config_files.resolve_flag(argv)]
  try:
    app.run(lambda _: _run(), argv, flags_parser=_parse)
  except SystemExit as end:
    return end.code or 0


def _parse(argv: list[str]) -> list[str]:
  try:
    with config_files.importable():
      _, *others = flags.FLAGS(argv)
      # Any attribute raises an error if the file could not be read.
      _ = _CONFIG.value and _CONFIG.value.is_locked
  except ValueError:
    raise
  except Exception as error:  # A config file is Python: it can raise any.
    raise ValueError(_explain(error)) from error
  if others:
    raise ValueError(f'Unexpected arguments: {others}')
  if _DATA.value is not None and 'config.data.path' in flags.FLAGS:
    raise ValueError('Give --data or --config.data.path, not both.')
  return argv[:1]


def _explain(error: Exception) -> str:
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
    return f'The config has no field {name!r}.{hint} {_FIELDS}'
  text = _TRACEBACK.sub('', text)
  if isinstance(error, flags.Error):
    return text
  return f'The config file is invalid: {_place(error)}{text}'


def _place(error: Exception) -> str:
  """Returns file and line of the user's code that raised the error, or ''."""
  frames = traceback.extract_tb(error.__traceback__)
  own = [x for x in frames if 'site-packages' not in x.filename]
  is_here = not own or own[-1].filename == __file__
  return '' if is_here else f'{own[-1].filename}:{own[-1].lineno}: '


def _run() -> int:
  config = _CONFIG.value
  if config is None:
    raise ValueError(f'No config is given; {_EXPECTED}')
  if _DATA.value is not None:
    config.data.path = _DATA.value
  file = config_flags.get_config_filename(flags.FLAGS['config'])
  workdir = _WORKDIR.value or f'runs/{pathlib.PurePath(file).stem}'
  host_memory.keep_freed()  # Before TensorFlow and JAX start their threads.
  # These load TensorFlow, which takes seconds, so they are imported only after
  # the flags have been checked.
  from bit_covid.base import compilation_cache
  from bit_covid.cli import folds
  from bit_covid.cli import train

  # A config file of the user's own may lack the field; `train` says so.
  if config.get('deterministic'):
    deterministic.enable()
  # Orbax logs every file that it writes.
  logging.set_verbosity(logging.WARNING)
  compilation_cache.enable()
  with (
    stop_signals.second_ends_program(),
    hosts.together(_place_among_hosts(), start_seconds=_START_SECONDS.value),
  ):
    options = {
      'max_minutes': _MAX_MINUTES.value,
      'debug_nans': _DEBUG_NANS.value,
    }
    if _FOLDS.value:
      folds.train_and_report_folds(
        config, workdir, count=_FOLDS.value, **options
      )
    else:
      train.train_and_report(config, workdir, **options)
  return 0


def _place_among_hosts() -> host_watch.Place | None:
  by_hand = (_COORDINATOR.value, _NUM_PROCESSES.value, _PROCESS_ID.value)
  if any(value is not None for value in by_hand):
    # With only some of them each host would train alone and write into the same
    # folder.
    if None in by_hand or _DISTRIBUTED.value:
      raise ValueError(
        'Give --coordinator, --num_processes and --process_id together, and '
        'without --distributed.'
      )
    return host_watch.Place(*by_hand)
  return hosts.find_place() if _DISTRIBUTED.value else None


def _program() -> str:
  return command.program('bit_covid.main')


def _help() -> str:
  names = flags.FLAGS.flags_by_module_dict()
  own = names[flags.FLAGS.find_module_defining_flag('workdir')]
  return '\n'.join(
    [
      f'usage: {_program()} CONFIG [--data=FOLDER] [--workdir=FOLDER] '
      '[--config.FIELD=VALUE]',
      '',
      'Fine-tunes a network and evaluates it.',
      '',
      'Flags:',
      *(f'  --{flag.name}\n      {flag.help}' for flag in own),
      '',
      command.epilog(_EXAMPLES, _NOTES) % {'prog': _program()},
    ]
  )


if __name__ == '__main__':
  sys.exit(main())
