# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit-covid archive predict`: index, scores, tables."""

import argparse
from collections.abc import Callable, Sequence
import functools
import pathlib
import secrets

from etils import epath

from bit_covid.archive import cluster
from bit_covid.archive import index
from bit_covid.archive import score_study
from bit_covid.archive import source
from bit_covid.archive import tables
from bit_covid.base import command
from bit_covid.base import files
from bit_covid.base import lines
from bit_covid.base import page_templates
from input_pipeline import scans
from input_pipeline.scans import input_file
from input_pipeline.scans import scan

_Read = Callable[[index.Files], tuple[list[index.Entry], list[scans.Refused]]]
# Files whose headers are read by one task.
_FILES = 64
_README = """\
{disclaimer}

{cautions}

index.parquet  the files of each study, by digests of their content
scans/         the tables of `bit-covid predict` with the same columns, in
predictions/   several files each
slices/
refused/       files that are in no scan, and why; index.parquet: those that
               were refused by their headers

Nothing of the patient is kept: no name, number, date, place or file name.
"""


def run(arguments: argparse.Namespace) -> int:
  """Returns the exit code, after scoring what the arguments name."""
  lines.say(page_templates.DISCLAIMER)
  options = score_study.Options(
    *(getattr(arguments, name) for name in score_study.Options._fields)
  )
  folder = arguments.output
  with cluster.start(arguments.workers) as client:
    cautions = cluster.once(client, score_study.cautions, options)
    for text in cautions:
      lines.say(f'Note: {text}')
    readme = _README.format(
      disclaimer=page_templates.DISCLAIMER, cautions='\n'.join(cautions)
    )
    files.write(epath.Path(folder) / 'README.txt', readme.encode())
    studies, refused = _index(client, arguments.source)
    tables.write(folder / 'index.parquet', index.table(studies))
    if refused:
      (table,) = tables.of_refused(refused).values()
      tables.write(folder / 'refused' / 'index.parquet', table)
    lines.say(
      f'Studies: {len(studies):,}, of '
      f'{sum(len(x.files) for x in studies):,} files. Files that are in none: '
      f'{len(refused):,}.'
    )
    results = _Results(folder)
    work = functools.partial(score_study.score, options=options)
    for number, result in cluster.run(client, work, studies, name='study'):
      results.add(studies[number], result)
  return results.finish()


class _Results:
  """Writes the results of studies, each scan once, and counts them."""

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self._shards = tables.Shards(folder)
    self._seen: set[str] = set()
    self._refused = 0
    self._failed = 0

  def add(
    self,
    study: index.Study,
    result: tuple[list[score_study.Scored], list[scans.Refused]]
    | cluster.Failed,
  ) -> None:
    if isinstance(result, cluster.Failed):
      self._failed += 1
      reason = f'its study could not be scored ({result.error})'
      ids = [x.file_id for x in study.files]
      scored, refused = [], _refuse(ids, reason, 'damaged')
    else:
      scored, refused = result
    kept = []
    for each in scored:
      if each.id in self._seen:
        refused = refused + _refuse(each.file_ids, scan.COPY, 'other')
        continue
      self._seen.add(each.id)
      self._failed += each.has_failed
      kept.append(each.tables)
    self._refused += len(refused)
    self._shards.add([*kept, tables.of_refused(refused)])

  def finish(self) -> int:
    """Returns the exit code, after writing the last shard."""
    self._shards.write()
    lines.say(
      f'Scans: {len(self._seen):,}. Files and frames of studies that are in '
      f'none: {self._refused:,}. Not scored because of an error: '
      f'{self._failed:,}.'
    )
    lines.say(f'Results: {self._folder}')
    return 0 if self._seen and not self._failed else command.NOT_DONE


def _index(
  client: cluster.Client, place: str
) -> tuple[list[index.Study], list[scans.Refused]]:
  """Returns the studies in a source, and the files that are in none."""
  given, refused = source.files(place)
  refused = [x._replace(name='') for x in refused]
  read = functools.partial(index.read, key=secrets.token_bytes(32))
  starts = range(0, len(given), _FILES)
  parts = [index.Files(given[i : i + _FILES]) for i in starts]
  found = dict(cluster.run(client, read, parts, name='headers'))
  entries = []
  for number, part in enumerate(parts):
    result = found[number]
    if isinstance(result, cluster.Failed):
      result = _one_by_one(client, read, part.files)
    entries += result[0]
    refused += result[1]
  return index.studies(entries), refused


def _one_by_one(
  client: cluster.Client,
  read: _Read,
  given: Sequence[input_file.InputFile],
) -> tuple[list[index.Entry], list[scans.Refused]]:
  """Returns what `index.read` does, though one of the files makes it fail."""
  parts = [index.Files([x]) for x in given]
  found = dict(cluster.run(client, read, parts, name=f'header-{id(parts)}'))
  entries, refused = [], []
  for number, file in enumerate(given):
    result = found[number]
    if isinstance(result, cluster.Failed):
      reason = f'its header could not be read ({result.error})'
      refused.append(file.refuse(reason, 'damaged')._replace(name=''))
    else:
      entries += result[0]
      refused += result[1]
  return entries, refused


def _refuse(
  file_ids: Sequence[str], reason: str, cause: scan.Cause
) -> list[scans.Refused]:
  return [scans.Refused('', x, reason, cause) for x in file_ids]
