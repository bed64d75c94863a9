# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""`bit-covid VERB ...`: which module does what.

Neither JAX nor TensorFlow is loaded before a verb is known to be one.
"""

from collections.abc import Sequence
import difflib
import importlib
import sys
from typing import NamedTuple

from bit_covid.base import command
from bit_covid.base import project
from bit_covid.base import version


class Verb(NamedTuple):
  """A command: `main(argv) -> int` of a module, and an extra it needs."""

  module: str
  summary: str
  extra: str = ''


VERBS = {
  'train': Verb('bit_covid.main', 'fine-tune a network and evaluate it'),
  'evaluate': Verb(
    'bit_covid.cli.evaluate', 'evaluate a network on a split of any data'
  ),
  'predict': Verb('bit_covid.predict', 'score scans: DICOM, NIfTI, images'),
  'archive': Verb(
    'bit_covid.archive.command', 'score an archive of studies', extra='archive'
  ),
  'report': Verb(
    'bit_covid.report.command', 'tables and figures of a run, a page'
  ),
  'compare': Verb(
    'bit_covid.cli.compare', 'two runs on the same slices, with intervals'
  ),
  'audit': Verb(
    'bit_covid.audit.command', 'what a data set would give away: leaks, sources'
  ),
  'leave-out': Verb(
    'bit_covid.leave_out.command', 'train again without each source, compare'
  ),
  'card': Verb(
    'bit_covid.card.command', 'the model card and checklists of a run'
  ),
  'verify': Verb(
    'bit_covid.cli.verify', 'check the installation, a checkpoint, a run'
  ),
  'out-of-distribution': Verb(
    'bit_covid.cli.out_of_distribution',
    'add to a run what scans are compared with',
  ),
  'export': Verb(
    'bit_covid.export.command', 'a checkpoint for ONNX, TensorFlow, plain JAX'
  ),
  'app': Verb(
    'bit_covid.app.command', 'a page in the browser for scans', extra='app'
  ),
  'paper': Verb(
    'bit_covid.paper.command', 'the tables and figures of the paper'
  ),
  'split': Verb('bit_covid.cli.split', 'divide a CSV of images by patient'),
  'from-dicom': Verb(
    'bit_covid.cli.from_dicom', 'DICOM series with labels to a data set'
  ),
}

_EXAMPLES = (
  'train demo',
  'predict STUDY --checkpoint=runs/demo --output=results',
  'evaluate --help',
)
_HELP = """\
usage: bit-covid VERB ...

COVID-19 in chest CT slices with Big Transfer (BiT), in JAX. Research
software, not a medical device.

Verbs:
{verbs}

Each has its own help, with examples: bit-covid VERB --help. With
--debug, an error comes with its traceback. --version: of bit_covid.

{examples}

Exit codes: 0 done; 1 nothing done, or a check failed; 2 wrong input;
130 stopped by you; 143 by SIGTERM or --max_minutes."""
_WIDTH = max(map(len, VERBS))


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code of the verb that the arguments begin with.

  Raises:
    ModuleNotFoundError: a package is missing that no extra installs.
  """
  verb, *rest = list(sys.argv[1:] if argv is None else argv) or ['--help']
  if verb in ('--help', '-h', 'help'):
    print(_help())
    return 0
  if verb == '--version':
    print(f'bit_covid {version.VERSION}')
    return 0
  if verb not in VERBS:
    command.say_error(_unknown(verb))
    return command.WRONG_INPUT
  # For the module's own help, and for run.json, which keeps the command.
  sys.argv = [command.verb_name(verb), *rest]
  extra = VERBS[verb].extra
  try:
    module = importlib.import_module(VERBS[verb].module)
  except ModuleNotFoundError as error:
    if not extra:
      raise
    command.say_error(
      f'{verb} needs {error.name}, which is not installed: '
      f'{project.install_command(extra)}'
    )
    return command.WRONG_INPUT
  return module.main(rest)


def run() -> None:
  """Ends the program with the exit code of `main`; the console script."""
  sys.exit(main())


def _help() -> str:
  verbs = [f'  {name:{_WIDTH}}  {x.summary}' for name, x in VERBS.items()]
  examples = command.epilog(_EXAMPLES) % {'prog': 'bit-covid'}
  return _HELP.format(verbs='\n'.join(verbs), examples=examples)


def _unknown(verb: str) -> str:
  near = difflib.get_close_matches(verb, VERBS, n=1)
  meant = f' Did you mean {near[0]}?' if near else ''
  return f'There is no verb {verb!r}.{meant} The verbs are {", ".join(VERBS)}.'
