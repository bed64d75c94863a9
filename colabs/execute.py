# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs the notebooks from top to bottom and keeps what they show.

    python colabs/execute.py            # all of them, in place
    python colabs/execute.py tpu --output=FOLDER

Each in an empty folder that is removed after it. What libraries write to stderr
appears on the terminal and is not kept. Needs the extra `test`.
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

from input_pipeline import data_source
from input_pipeline import tfds_examples

FOLDER = pathlib.Path(__file__).parent
NAMES = ('fine_tune', 'your_own_images', 'explain_a_scan', 'tpu')
# Of one cell.
_MOST_SECONDS = 600
# What is the same on every machine.
_METADATA = {
  'colab': {'provenance': [], 'toc_visible': True},
  'kernelspec': {
    'display_name': 'Python 3',
    'language': 'python',
    'name': 'python3',
  },
  'language_info': {'name': 'python'},
}


def execute(path: pathlib.Path) -> nbformat.NotebookNode:
  """Returns the notebook as it is after a run from top to bottom.

  Raises:
    nbclient.exceptions.CellExecutionError: a cell raised an error.
  """
  notebook = nbformat.read(path, as_version=4)
  # This Python's kernel, whatever other kernel of that name a user has.
  os.environ['JUPYTER_PREFER_ENV_PATH'] = '1'
  with tempfile.TemporaryDirectory(prefix='bit_covid_notebook') as folder:
    nbclient.NotebookClient(
      notebook,
      timeout=_MOST_SECONDS,
      kernel_name='python3',
      resources={'metadata': {'path': folder}},
      record_timing=False,
      coalesce_streams=True,
    ).execute()
  notebook.metadata = nbformat.from_dict(_METADATA)
  for cell in notebook.cells:
    if cell.cell_type == 'code':
      cell.outputs = [x for x in cell.outputs if not _is_stderr(x)]
  return notebook


def _is_stderr(output: nbformat.NotebookNode) -> bool:
  is_stderr = output.output_type == 'stream' and output.name == 'stderr'
  if is_stderr:
    print(output.text, file=sys.stderr)
  return is_stderr


def main(argv: Sequence[str] | None = None) -> None:
  """Runs the notebooks that are named."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('names', nargs='*', help=f'of {", ".join(NAMES)}')
  parser.add_argument('--output', type=pathlib.Path, default=FOLDER)
  arguments = parser.parse_args(argv)
  unknown = set(arguments.names) - set(NAMES)
  if unknown:
    parser.error(f'no notebook {sorted(unknown)}; there are {", ".join(NAMES)}')
  # Once, and here: a notebook would keep the progress bar, and where it is put.
  tfds_examples.load(data_source.DataSource('phantom/demo'), 'val')
  for name in arguments.names or NAMES:
    start = time.monotonic()
    notebook = execute(FOLDER / f'{name}.ipynb')
    path = arguments.output / f'{name}.ipynb'
    nbformat.write(notebook, path)
    print(
      f'{name}: {time.monotonic() - start:.0f} s, '
      f'{path.stat().st_size / 1000:.0f} kB',
      flush=True,
    )


if __name__ == '__main__':
  main()
