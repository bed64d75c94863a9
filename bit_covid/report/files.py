# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the report of a work directory, as HTML or Markdown."""

import itertools
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
from bit_covid.base import page_templates
from bit_covid.report import content as report_content
from bit_covid.report import facts
from bit_covid.report import map_numbers
from bit_covid.report import numbers as report_numbers
from bit_covid.report import page
from bit_covid.report import values
from bit_covid.training import manifest

# The template and the name of the file in each format.
FORMATS = {
  'html': ('report.html.j2', 'index.html'),
  'markdown': ('report.md.j2', 'report.md'),
}


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
    workdir: the work directory of a run, with predictions/<split>.csv.
    file_format: 'html' or 'markdown'.
    metadata: a metadata.csv of COVIDx CT, for subgroups.
    images: folder of the slices, or a function from slice_id to `[H, W]` uint8.
    settings: None for the defaults.

  Raises:
    ValueError: the format is unknown, or predictions are missing or damaged.
  """
  if file_format not in FORMATS:
    known = ', '.join(FORMATS)
    raise ValueError(
      f'Unknown format {file_format!r}; expected one of {known}.'
    )
  workdir = epath.Path(workdir)
  if isinstance(images, str | os.PathLike):
    images = figures_images.folder_images(images)
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
  return _write(workdir / 'report', content, file_format)


def read_tables(workdir: pathlib.Path) -> dict[str, pd.DataFrame]:
  """Returns the predictions tables of a work directory by split.

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
  folder: pathlib.Path, content: report_content.Content, file_format: str
) -> pathlib.Path:
  template, file_name = FORMATS[file_format]
  text = _render(content, template, autoescape=file_format == 'html')
  (folder / 'figures').mkdir(parents=True, exist_ok=True)
  for picture in itertools.chain(*content.pictures.values()):
    (folder / 'figures' / f'{picture.name}.png').write_bytes(picture.png)
  metrics_json.update(folder.parent, content.numbers)
  files.write(folder / file_name, text.encode())
  manifest.update(folder.parent, 'report/*', 'report/figures/*')
  return folder / file_name


def _render(
  content: report_content.Content, template: str, *, autoescape: bool
) -> str:
  folder = pathlib.Path(__file__).parent / 'templates'
  environment = page_templates.environment(folder, autoescape=autoescape)
  environment.keep_trailing_newline = True
  environment.filters['md'] = _escape_markdown
  name = facts.data_name(content.config)
  return environment.get_template(template).render(
    caution=facts.caution(content.config),
    data=name or 'data of unknown name',
    split=content.split,
    highlights=page.highlights(content.numbers[content.split]),
    sections=page.sections(content, name),
  )


def _escape_markdown(text: object) -> str:
  """Returns the text on one line, escaped for Markdown."""
  text = ' '.join(str(text).split())
  return ''.join(f'\\{x}' if x in '\\`*[]<>|#' else x for x in text)
