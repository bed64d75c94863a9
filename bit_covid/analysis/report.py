# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the report of a run from the predictions in its work directory.

python -m bit_covid.analysis.report runs/bit_m --metadata=metadata.csv

What it needs is predictions/<split>.csv; features, metrics.jsonl, config.json
and run.json are shown where they are. It leaves report/index.html (or
report.md), report/metrics.json and report/figures/*.png.
"""

import argparse
from collections.abc import Sequence
import json
import os
import pathlib
import sys

from etils import epath
import pandas as pd

from bit_covid.analysis import figures_images
from bit_covid.analysis import predictions
from bit_covid.analysis import report_content
from bit_covid.analysis import report_facts
from bit_covid.analysis import report_numbers
from bit_covid.analysis import report_render
from bit_covid.analysis import report_values
from bit_covid.analysis import subgroups

_ORDER = ('train', 'val', 'test')


def write_report(
  workdir: str | os.PathLike[str],
  *,
  file_format: str = 'html',
  metadata: str | os.PathLike[str] | None = None,
  images: figures_images.ImageFn | str | os.PathLike[str] | None = None,
  settings: report_values.Settings | None = None,
) -> pathlib.Path:
  """Returns the path of the report, after writing it, numbers and figures.

  Args:
    workdir: of a run, with predictions/<split>.csv in it.
    file_format: 'html' or 'markdown'.
    metadata: a metadata.csv of COVIDx CT, for subgroups.
    images: the folder of the slices, or a function from slice_id to uint8
      `[H, W]`, for the gallery of errors.
    settings: None: the defaults.

  Raises:
    ValueError: there are no predictions, they cannot be counted, or a file in
      the work directory is damaged.
    OSError: a file cannot be read or written.
  """
  if file_format not in report_render.FORMATS:
    raise ValueError(
      f'No format {file_format!r}. Known: {", ".join(report_render.FORMATS)}.'
    )
  workdir = epath.Path(workdir)
  settings = settings or report_values.Settings()
  if isinstance(images, str | os.PathLike):
    images = figures_images.folder_images(images)
  tables = read_tables(workdir)
  numbers = report_numbers.collect(
    tables,
    metadata=None if metadata is None else subgroups.read_metadata(metadata),
    settings=settings,
  )
  content = report_content.collect(
    workdir, tables, numbers, images, seed=settings.seed
  )
  file_name, text = report_render.render(content, file_format)
  return _write(workdir / 'report', file_name, text, content)


def read_tables(workdir: pathlib.Path) -> dict[str, pd.DataFrame]:
  """Returns the predictions tables of a work directory by split.

  Raises:
    ValueError: there are none, or one is damaged.
  """
  folder = workdir / 'predictions'
  paths = {path.stem: path for path in sorted(folder.glob('*.csv'))}
  if not paths:
    raise ValueError(
      f'{folder} holds no <split>.csv. Give the work directory of a run that '
      'was evaluated.'
    )
  known = [name for name in _ORDER if name in paths]
  others = [name for name in paths if name not in _ORDER]
  return {name: _read(paths[name]) for name in known + others}


def _read(path: pathlib.Path) -> pd.DataFrame:
  """Returns a predictions table; probabilities that are no numbers are NaN."""
  table = predictions.read(path)
  columns = table.columns[len(predictions.ID_COLUMNS) :]
  # An empty field would make the whole column text.
  table[columns] = table[columns].apply(pd.to_numeric, errors='coerce')
  return table


def _write(
  folder: pathlib.Path,
  file_name: str,
  text: str,
  content: report_content.Content,
) -> pathlib.Path:
  (folder / 'figures').mkdir(parents=True, exist_ok=True)
  for pictures in content.pictures.values():
    for picture in pictures:
      (folder / 'figures' / f'{picture.name}.png').write_bytes(picture.png)
  found = report_facts.read_json(folder / 'metrics.json') or {}
  _replace(
    folder / 'metrics.json',
    # Not NaN, which JSON does not know.
    json.dumps({**found, **content.numbers}, indent=2, allow_nan=False) + '\n',
  )
  _replace(folder / file_name, text)
  return folder / file_name


def _replace(path: pathlib.Path, text: str) -> None:
  """Writes a file whole or not at all."""
  partial = path.with_name(f'.{path.name}.partial')
  partial.write_text(text, encoding='utf-8')
  partial.replace(path)


def main(argv: Sequence[str] | None = None) -> int:
  """Writes the report that the arguments ask for; returns the exit code."""
  parser = argparse.ArgumentParser(
    prog='python -m bit_covid.analysis.report',
    description='Writes the report of a run from its predictions.',
  )
  parser.add_argument('workdir', metavar='WORKDIR')
  parser.add_argument('--format', choices=report_render.FORMATS, default='html')
  parser.add_argument('--metadata', help='metadata.csv of COVIDx CT')
  parser.add_argument('--images', help='folder of the slices, for the gallery')
  parser.add_argument(
    '--prevalence',
    default='23.5,5,1,0.1',
    help='percent, for PPV and NPV; default: %(default)s',
  )
  parser.add_argument('--replicates', type=int, default=2000)
  parser.add_argument('--seed', type=int, default=0)
  arguments = parser.parse_args(argv)
  try:
    path = write_report(
      arguments.workdir,
      file_format=arguments.format,
      metadata=arguments.metadata,
      images=arguments.images,
      settings=report_values.Settings(
        prevalences=_shares(arguments.prevalence),
        replicates=arguments.replicates,
        seed=arguments.seed,
      ),
    )
  except (ValueError, OSError) as error:
    # On one line, whatever an id may hold.
    print('Error:', ' '.join(str(error).split()), file=sys.stderr)
    return 2
  print(path)
  return 0


def _shares(text: str) -> tuple[float, ...]:
  try:
    shares = tuple(float(x) / 100 for x in text.split(','))
  except ValueError:
    shares = ()
  if not shares or not all(0 <= x <= 1 for x in shares):
    raise ValueError(
      f'--prevalence={text}: expected percents from 0 to 100 with commas '
      'between them, such as 23.5,5,1.'
    )
  return shares


if __name__ == '__main__':
  sys.exit(main())
