# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The config files of this project, found from any folder.

    config = config_files.get_config('demo', 'seed=1')

In a clone they are the folder `configs`; a wheel has that folder inside of
`bit_covid`. Config files import each other from `configs` in both.
"""

from collections.abc import Iterator, Sequence
import contextlib
import os
import pathlib
import re
import runpy
import sys
import types
from typing import Any

_PACKAGE = pathlib.Path(__file__).parents[1]
_INSTALLED = _PACKAGE / 'configs'
FOLDER = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / 'configs'
NAMES = tuple(
  sorted({x.stem for x in FOLDER.glob('*.py')} - {'__init__', 'common'})
)


def find(text: str) -> str:
  """Returns the path of the config file that a user names.

  Args:
    text: the name of one of this project's ('demo'), or a path. A path such as
      'configs/demo.py', as the documents have it, also works where the folder
      has no such file.
  """
  if text in NAMES:
    return str(FOLDER / f'{text}.py')
  folder, name = os.path.split(text)
  is_ours = folder == 'configs' and (FOLDER / name).is_file()
  return str(FOLDER / name) if is_ours and not os.path.exists(text) else text


def resolve_flag(argv: Sequence[str]) -> list[str]:
  """Returns the arguments of a training with the path of a file in --config.

  Args:
    argv: the config is the first of them, as in 'demo:seed=1', or has the flag.

  Raises:
    ValueError: there are several.
  """
  argv = list(argv)
  if argv and not argv[0].startswith('-'):
    argv[0] = f'--config={argv[0]}'
  places = [i for i, x in enumerate(argv) if re.match(r'--?config(=|$)', x)]
  if len(places) > 1:
    raise ValueError('Several configs are given; give one.')
  for place in places:
    if '=' not in argv[place]:  # The value is an argument of its own.
      argv[place : place + 2] = ['='.join(argv[place : place + 2])]
    file, colon, argument = argv[place].partition('=')[2].partition(':')
    argv[place] = f'--config={find(file)}{colon}{argument}'
  return argv


def shown(name: str) -> str:
  """Returns the path of a file of `FOLDER`, as short as it can be written."""
  path = FOLDER / f'{name}.py'
  here = pathlib.Path.cwd()
  return str(path.relative_to(here) if path.is_relative_to(here) else path)


def get_config(file: str, argument: str | None = None) -> Any:
  """Returns the config of a file.

  Args:
    file: a name or a path, as in `find`.
    argument: of the file's `get_config`, such as 'steps=5k,seed=1'.

  Raises:
    FileNotFoundError: there is no such file.
  """
  path = find(file)
  if not os.path.isfile(path):
    raise FileNotFoundError(
      f'There is no config {file!r}; expected one of {", ".join(NAMES)}, or '
      'the path of a file of your own.'
    )
  with importable():
    return runpy.run_path(path)['get_config'](argument)


@contextlib.contextmanager
def importable() -> Iterator[None]:
  """Makes `from configs import common` give the file of this project.

  Other packages of that name are out of the way until the end of the block. The
  files in `configs` of the user's own folder can be imported, too, unless they
  have the name of one of this project's.
  """
  here = os.getcwd()
  package = types.ModuleType('configs')
  package.__path__ = [str(FOLDER), os.path.join(here, 'configs')]
  others = _pop_modules()
  sys.modules['configs'] = package
  # For other modules of the user's own. Last, so that they hide none.
  is_added = here not in sys.path
  if is_added:
    sys.path.append(here)
  try:
    yield
  finally:
    if is_added:
      sys.path.remove(here)
    _pop_modules()
    sys.modules.update(others)


def _pop_modules() -> dict[str, types.ModuleType]:
  """Returns the loaded modules of `configs`, which are forgotten."""
  names = [x for x in sys.modules if x == 'configs' or x.startswith('configs.')]
  return {name: sys.modules.pop(name) for name in names}
