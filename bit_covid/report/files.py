# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Writes the report of a work directory, as HTML or Markdown."""

import glob
import itertools
import os
import pathlib

from etils import epath
import jinja2

from bit_covid.analysis import data_caution
from bit_covid.analysis import figures_images
from bit_covid.analysis import metrics
from bit_covid.analysis import run_tables
from bit_covid.analysis import subgroups
from bit_covid.base import files
from bit_covid.base import page_templates
from bit_covid.report import facts
from bit_covid.report import highlights
from bit_covid.report import maps
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
  settings: values.Settings = values.DEFAULTS,
) -> pathlib.Path:
  """Returns the path of the report, after writing it, numbers and figures.

  Args:
    workdir: the work directory of a run, with predictions/<split>.csv.
    file_format: 'html' or 'markdown'.
    metadata: a metadata.csv of COVIDx CT, for subgroups.
    images: folder of the slices, or a function from slice_id to `[H, W]` uint8.
    settings: the prevalences, and the seed of t-SNE.

  Raises:
    ValueError: the format is unknown, or predictions are missing or damaged.
  """
  _check_format(file_format)
  workdir = epath.Path(workdir)
  if isinstance(images, str | os.PathLike):
    images = figures_images.folder_images(images)
  tables = run_tables.read(workdir)
  patients = None if metadata is None else subgroups.read_metadata(metadata)
  numbers = report_numbers.collect(tables, metadata=patients, settings=settings)
  of_maps = maps.numbers(workdir / 'gradcam', tables)
  for split, found in of_maps.items():
    numbers[split]['maps'] = found
  run = page.Run(
    workdir=workdir,
    split=run_tables.main_split(list(tables)),
    tables=tables,
    numbers=numbers,
    config=files.read_json(workdir / 'config.json'),
    images=images,
    seed=settings.seed,
  )
  return _write(run, file_format)


def _check_format(file_format: str) -> None:
  if file_format not in FORMATS:
    known = ', '.join(FORMATS)
    raise ValueError(
      f'Unknown format {file_format!r}; expected one of {known}.'
    )


def _write(run: page.Run, file_format: str) -> pathlib.Path:
  template, file_name = FORMATS[file_format]
  folder = run.workdir / 'report'
  sections = page.sections(run)
  text = _template(template, autoescape=file_format == 'html').render(
    caution=data_caution.of_run(run.config),
    data=facts.data_name(run.config) or 'data of unknown name',
    split=run.split,
    highlights=highlights.highlights(run.numbers[run.split]),
    sections=sections,
  )
  (folder / 'figures').mkdir(parents=True, exist_ok=True)
  written = ['metrics.json', file_name]
  for block in itertools.chain(*(section.blocks for section in sections)):
    for picture in getattr(block, 'pictures', ()):
      written.append(f'figures/{picture.name}.png')
      files.write(folder / written[-1], picture.png)
  metrics.update_json(run.workdir, run.numbers)
  files.write(folder / file_name, text.encode())
  # If the report before was removed, so were pictures that need the images.
  manifest.forget_missing(run.workdir, 'report')
  manifest.update(run.workdir, *(f'report/{glob.escape(x)}' for x in written))
  return folder / file_name


def _template(name: str, *, autoescape: bool) -> jinja2.Template:
  folder = pathlib.Path(__file__).parent / 'templates'
  environment = page_templates.environment(folder, autoescape=autoescape)
  environment.keep_trailing_newline = True
  return environment.get_template(name)
