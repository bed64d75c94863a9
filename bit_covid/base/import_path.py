# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is installed wins over files of the same name in the user's folder."""

from importlib import machinery
import os
import sys

# What `bit_covid` and `input_pipeline` lie in: a clone or site-packages.
_ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..'))


def prefer_installed() -> None:
  """Makes `python -m` search the folder where it was started last, not first.

  A file such as `input_pipeline.py` there would hide a package of that name.
  Nothing changes in a clone or if another program has been started.
  """
  # `python -m` replaces the argument when it has found the module.
  if sys.argv[:1] != ['-m'] or not sys.path or os.getcwd() == _ROOT:
    return
  if sys.path[0] == os.getcwd():
    sys.path.append(sys.path.pop(0))


def check_input_pipeline() -> None:
  """Checks that `import input_pipeline` gives the package of this project.

  Raises:
    ImportError: something else of that name would come first.
  """
  loaded = sys.modules.get('input_pipeline')
  # None where an editable installation has a finder of its own.
  found = machinery.PathFinder.find_spec('input_pipeline')
  spec = loaded.__spec__ if loaded else found
  if spec is None:
    return
  # A folder without `__init__.py` has no origin.
  place = spec.origin or next(iter(spec.submodule_search_locations))
  if not os.path.realpath(place).startswith(_ROOT + os.sep):
    raise ImportError(
      f'{place} hides the package input_pipeline of bit_covid. Rename it, or '
      'start Python in another folder.',
      # So that `python -m bit_covid` prints one line and no traceback.
      name='bit_covid',
    )
