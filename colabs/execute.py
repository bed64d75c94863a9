# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the opening of the notebooks, runs them, and stores their outputs.

    python colabs/execute.py            # all of them, in place
    python colabs/execute.py tpu --output=FOLDER
    python colabs/execute.py --opening_only

The opening is a badge for Colab, a text, and the set-up cell. It is the same in
all notebooks and comes from this file, `set_up.py` and the address in
`bit_covid/base/project.py`. Each notebook runs in an empty folder that is
removed afterwards. What libraries write to standard error appears on the
terminal and is not stored. Needs the extra `test`.
"""

import argparse
from collections.abc import Sequence
import os
import pathlib
import sys
import tempfile
import time

import nbclient
import nbformat

from bit_covid.base import project
from input_pipeline import data_source
from input_pipeline import tfds_examples

FOLDER = pathlib.Path(__file__).parent
NAMES = ('fine_tune', 'your_own_images', 'explain_a_scan', 'tpu')
# Seconds; of one cell.
_TIMEOUT = 600
# The same on every machine.
_METADATA = {
  'colab': {'provenance': [], 'toc_visible': True},
  'kernelspec': {
    'display_name': 'Python 3',
    'language': 'python',
    'name': 'python3',
  },
  'language_info': {'name': 'python'},
}
_BADGE = (
  '[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]'
  '(https://colab.research.google.com/github/{project}/blob/main/colabs/'
  '{name}.ipynb)'
)
_GITHUB = 'https://github.com/'
_SET_UP_TEXT = """\
## Set-up

The next cell installs `bit_covid` if it is missing, which takes some minutes on
Colab. If the cell then asks for a restart, choose *Runtime > Restart session*
and after that *Runtime > Run all*. No GPU is needed. To use a GPU or TPU on
Colab, choose it by *Runtime > Change runtime type* before you run anything; the
cell installs JAX for it."""
_OPENING_IDS = ('badge', 'setup-text', 'setup')


def write_opening(
  notebook: nbformat.NotebookNode, name: str, *, repository: str
) -> None:
  """Puts the badge, the text and the set-up cell into a notebook.

  Args:
    notebook: whose first cell but these is its title; it is changed in place.
    name: of its file, without suffix.
    repository: web address. Without one on GitHub, which is where Colab finds
      notebooks, there is no badge.
  """
  cells = [x for x in notebook.cells if x.id not in _OPENING_IDS]
  outputs = [x for x in notebook.cells if x.id == 'setup']
  code = nbformat.v4.new_code_cell(
    set_up_code(repository), id='setup', metadata={'cellView': 'form'}
  )
  for cell in outputs:
    code.outputs, code.execution_count = cell.outputs, cell.execution_count
  text = nbformat.v4.new_markdown_cell(_SET_UP_TEXT, id='setup-text')
  notebook.cells = [cells[0], text, code, *cells[1:]]
  if repository.startswith(_GITHUB):
    path = repository.removeprefix(_GITHUB).removesuffix('.git').strip('/')
    badge = _BADGE.format(project=path, name=name)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(badge, id='badge'))


def set_up_code(repository: str) -> str:
  """Returns the code of the set-up cell."""
  text = (FOLDER / 'set_up.py').read_text()
  code = text[text.index('# @title') :].rstrip()
  return code.replace("REPOSITORY = ''", f'REPOSITORY = {repository!r}')


def execute(notebook: nbformat.NotebookNode) -> None:
  """Runs a notebook from top to bottom and stores its outputs in it.

  Raises:
    nbclient.exceptions.CellExecutionError: a cell raised an error.
  """
  # This Python's kernel, whatever other kernel of that name a user has.
  os.environ['JUPYTER_PREFER_ENV_PATH'] = '1'
  with tempfile.TemporaryDirectory(prefix='bit_covid_notebook') as folder:
    nbclient.NotebookClient(
      notebook,
      timeout=_TIMEOUT,
      kernel_name='python3',
      resources={'metadata': {'path': folder}},
      record_timing=False,
      coalesce_streams=True,
    ).execute()
  notebook.metadata = nbformat.from_dict(_METADATA)
  for cell in notebook.cells:
    if cell.cell_type == 'code':
      cell.outputs = [x for x in cell.outputs if not _is_stderr(x)]


def _is_stderr(output: nbformat.NotebookNode) -> bool:
  is_stderr = output.output_type == 'stream' and output.name == 'stderr'
  if is_stderr:
    print(output.text, file=sys.stderr)
  return is_stderr


def main(argv: Sequence[str] | None = None) -> None:
  """Writes the notebooks that are named, or all."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('names', nargs='*', help=f'of {", ".join(NAMES)}')
  parser.add_argument('--output', type=pathlib.Path, default=FOLDER)
  parser.add_argument(
    '--opening_only', action='store_true', help='write the opening, run nothing'
  )
  arguments = parser.parse_args(argv)
  unknown = set(arguments.names) - set(NAMES)
  if unknown:
    parser.error(f'no notebook {sorted(unknown)}; there are {", ".join(NAMES)}')
  if not arguments.opening_only:
    # Once, and here: a notebook would store the progress bar and its paths.
    tfds_examples.load(data_source.DataSource('phantom/demo'), 'val')
  for name in arguments.names or NAMES:
    start = time.monotonic()
    notebook = nbformat.read(FOLDER / f'{name}.ipynb', as_version=4)
    write_opening(notebook, name, repository=project.REPOSITORY)
    if not arguments.opening_only:
      execute(notebook)
    path = arguments.output / f'{name}.ipynb'
    nbformat.write(notebook, path)
    print(
      f'{name}: {time.monotonic() - start:.0f} s, '
      f'{path.stat().st_size / 1000:.0f} kB',
      flush=True,
    )


if __name__ == '__main__':
  main()
