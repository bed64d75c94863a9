# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From a work directory to the files of its report."""

import os
import pathlib

from etils import epath
import pandas as pd

from bit_covid.analysis import figures_images
from bit_covid.analysis import metrics_json
from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts
from bit_covid.analysis import subgroups
from bit_covid.report import content as report_content
from bit_covid.report import maps
from bit_covid.report import numbers as report_numbers
from bit_covid.report import render
from bit_covid.report import values


def write_report(
  workdir: str | os.PathLike[str],
  *,
  file_format: str = 'html',
  metadata: str | os.PathLike[str] | None = None,
  images: figures_images.ImageFn | str | os.PathLike[str] | None = None,
  settings: values.Settings | None = None,
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
  if file_format not in render.FORMATS:
    raise ValueError(
      f'No format {file_format!r}. Known: {", ".join(render.FORMATS)}.'
    )
  workdir = epath.Path(workdir)
  settings = settings or values.Settings()
  if isinstance(images, str | os.PathLike):
    images = figures_images.folder_images(images)
  tables = read_tables(workdir)
  numbers = report_numbers.collect(
    tables,
    metadata=None if metadata is None else subgroups.read_metadata(metadata),
    settings=settings,
  )
  found = maps.numbers(workdir / 'gradcam', tables, settings)
  for split, of_maps in found.items():
    numbers[split]['maps'] = of_maps
  content = report_content.collect(
    workdir, tables, numbers, images, seed=settings.seed
  )
  file_name, text = render.render(content, file_format)
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
  known = [name for name in split_counts.ORDER if name in paths]
  others = [name for name in paths if name not in split_counts.ORDER]
  return {name: predictions.read(paths[name]) for name in known + others}


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
  metrics_json.update(folder.parent, content.numbers)
  _replace(folder / file_name, text)
  return folder / file_name


def _replace(path: pathlib.Path, text: str) -> None:
  """Writes a file whole or not at all."""
  partial = path.with_name(f'.{path.name}.partial')
  partial.write_text(text, encoding='utf-8')
  partial.replace(path)
