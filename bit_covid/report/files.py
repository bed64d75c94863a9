# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the report of a work directory."""

import os
import pathlib

from etils import epath
import pandas as pd

from bit_covid.analysis import figures_images
from bit_covid.analysis import metrics_json
from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts
from bit_covid.analysis import subgroups
from bit_covid.base import files
from bit_covid.report import content as report_content
from bit_covid.report import map_numbers
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
  """Writes report, numbers and figures, and returns the path of the report.

  Args:
    workdir: the work directory of a run, with predictions/<split>.csv.
    file_format: 'html' or 'markdown'.
    metadata: a metadata.csv of COVIDx CT, for subgroups.
    images: folder of the slices, or a function from slice_id to `[H, W]` uint8.
    settings: None for the defaults.

  Raises:
    ValueError: the format is unknown, or predictions are missing or damaged.
    OSError: a file cannot be read or written.
  """
  if file_format not in render.FORMATS:
    known = ', '.join(render.FORMATS)
    raise ValueError(
      f'Unknown format {file_format!r}; expected one of {known}.'
    )
  workdir, images = epath.Path(workdir), _reader(images)
  settings = settings or values.Settings()
  tables = read_tables(workdir)
  patients = None if metadata is None else subgroups.read_metadata(metadata)
  numbers = report_numbers.collect(tables, metadata=patients, settings=settings)
  of_maps = map_numbers.collect(workdir / 'gradcam', tables, settings)
  for split in of_maps:
    numbers[split]['maps'] = of_maps[split]
  content = report_content.collect(
    workdir, tables, numbers, images, seed=settings.seed
  )
  report = render.render(content, file_format)
  return _write(workdir / 'report', *report, content)


def _reader(
  images: figures_images.ImageFn | str | os.PathLike[str] | None,
) -> figures_images.ImageFn | None:
  is_folder = isinstance(images, str | os.PathLike)
  return figures_images.folder_images(images) if is_folder else images


def read_tables(workdir: pathlib.Path) -> dict[str, pd.DataFrame]:
  """Returns the predictions tables of a work directory by split.

  Args:
    workdir: with predictions/<split>.csv.

  Raises:
    ValueError: there are no tables, or one is damaged.
  """
  folder = workdir / 'predictions'
  paths = {path.stem: path for path in sorted(folder.glob('*.csv'))}
  if not paths:
    raise ValueError(
      f'{folder} holds no <split>.csv. Give the work directory of a run that '
      'has been evaluated.'
    )
  return {x: predictions.read(paths[x]) for x in split_counts.ordered(paths)}


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
  files.write(folder / file_name, text.encode())
  return folder / file_name
