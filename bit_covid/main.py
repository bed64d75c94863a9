# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Fine-tunes and evaluates a network.

python -m bit_covid.main --config=configs/demo.py --workdir=runs/demo
"""

from collections.abc import Sequence
import pathlib
import sys

from absl import app
from absl import flags
from absl import logging
import ml_collections
from ml_collections import config_flags

from bit_covid.base import command
from bit_covid.base import config_files
from bit_covid.base import host_watch
from bit_covid.base import stop_signals
from bit_covid.cli import config_errors
from bit_covid.cli import stopped

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
_MLFLOW = flags.DEFINE_string(
  'mlflow',
  None,
  'Address of an MLflow server, http://HOST:PORT, that shows the measurements '
  'while they are made.',
)
flags.DEFINE_bool('debug', False, 'A traceback with an error.')

_HELP = frozenset(('-h', '-help', '--help', '-helpshort', '--helpshort'))
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
{config_errors.FIELDS}
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
    stopped=_stopped,
  )
  # Loaded only if a training began.
  if hosts := sys.modules.get('bit_covid.base.hosts'):
    hosts.end_if_connected(code)
  return code


def _stopped() -> str:
  # A signal may come before the flags are read.
  return stopped.text(_workdir() if flags.FLAGS.is_parsed() else None)


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
    raise ValueError(config_errors.explain(error)) from error
  if others:
    raise ValueError(f'Unexpected arguments: {others}')
  if _DATA.value is not None and 'config.data.path' in flags.FLAGS:
    raise ValueError('Give --data or --config.data.path, not both.')
  return argv[:1]


def _run() -> int:
  config, workdir = _CONFIG.value, _workdir()
  if config is None:
    raise ValueError(f'No config is given; {config_errors.EXPECTED}')
  if _DATA.value is not None:
    config.data.path = _DATA.value
  # Not at the top, as `--help` need not wait for it.
  from bit_covid.training import manifest

  folder = pathlib.Path(workdir)
  is_alone = _place_by_hand() is None and not _DISTRIBUTED.value
  if is_alone and not _FOLDS.value and manifest.is_whole(folder):
    # It loads JAX.
    from bit_covid.cli import finished_run

    finished_run.show(config, folder)
    return 0
  _train(config, workdir)
  return 0


def _workdir() -> str | None:
  """Returns the folder of the run; None: neither it nor a config is given."""
  if _WORKDIR.value or _CONFIG.value is None:
    return _WORKDIR.value
  file = config_flags.get_config_filename(flags.FLAGS['config'])
  return f'runs/{pathlib.PurePath(file).stem}'


def _train(config: ml_collections.ConfigDict, workdir: str) -> None:
  # Not at the top, as `--help` need not wait for it.
  from bit_covid.base import host_memory

  host_memory.keep_freed()  # Before TensorFlow and JAX start their threads.
  # After the checks, as it takes seconds to load.
  from bit_covid.base import compilation_cache
  from bit_covid.base import deterministic
  from bit_covid.base import hosts
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
    hosts.together(
      _place_by_hand() or (hosts.find_place() if _DISTRIBUTED.value else None),
      start_seconds=_START_SECONDS.value,
    ),
  ):
    options = {
      'max_minutes': _MAX_MINUTES.value,
      'debug_nans': _DEBUG_NANS.value,
      'mlflow': _MLFLOW.value or '',
    }
    if _FOLDS.value:
      folds.train_and_report_folds(
        config, workdir, count=_FOLDS.value, **options
      )
    else:
      train.train_and_report(config, workdir, **options)


def _place_by_hand() -> host_watch.Place | None:
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
  return None


def _help() -> str:
  names = flags.FLAGS.flags_by_module_dict()
  program = command.program('bit_covid.main')
  own = names[flags.FLAGS.find_module_defining_flag('workdir')]
  return '\n'.join(
    [
      f'usage: {program} CONFIG [--data=FOLDER] [--workdir=FOLDER] '
      '[--config.FIELD=VALUE]',
      '',
      'Fine-tunes a network and evaluates it.',
      '',
      'Flags:',
      *(f'  --{flag.name}\n      {flag.help}' for flag in own),
      '',
      command.epilog(_EXAMPLES, _NOTES) % {'prog': program},
    ]
  )


if __name__ == '__main__':
  sys.exit(main())
