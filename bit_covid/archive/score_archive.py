# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The work of `bit-covid archive predict`: index, scores, tables."""

import argparse
from collections.abc import Sequence
import functools
import pathlib

from etils import epath

from bit_covid.archive import attempt
from bit_covid.archive import index
from bit_covid.archive import parts as parts_lib
from bit_covid.archive import progress as progress_lib
from bit_covid.archive import score_study
from bit_covid.archive import source
from bit_covid.archive import study as study_lib
from bit_covid.archive import summary
from bit_covid.archive import tables
from bit_covid.base import command
from bit_covid.base import files
from bit_covid.base import lines
from bit_covid.base import page_templates
from input_pipeline import scans

_README = """\
{disclaimer}

{cautions}

scans/         the tables of `bit-covid predict` with the same columns. The
predictions/   files of one number are a part of the archive.
slices/
refused/       files that are in no scan, and why
studies/       a row for each study: its files, how many are in scans, its
               scans, and the error that kept it from being scored
call.json      with what all of it was made

Nothing of the patient is kept: no name, number, date, place or file name.
"""


def run(arguments: argparse.Namespace, runner: attempt.Runner) -> int:
  """Returns the exit code, after scoring what the arguments name.

  Args:
    arguments: of the command.
    runner: does the work of the studies.

  Raises:
    StopError: it cannot go on. What is complete stays.
    ValueError: the results are those of another call or archive.
  """
  lines.say(page_templates.DISCLAIMER)
  options = score_study.Options(
    *(getattr(arguments, name) for name in score_study.Options._fields)
  )
  (facts,) = attempt.all_of(runner, score_study.describe, [options])
  if isinstance(facts, attempt.Failed):
    raise attempt.StopError(
      f'The network could not be loaded ({facts.error}); there may be too '
      'little memory. Try `predict` with it.'
    )
  for text in facts.cautions:
    lines.say(f'Note: {text}')
  studies = find_studies(arguments.source, runner)
  call = {**facts.call, 'key': arguments.key is not None}
  parts = parts_lib.Parts.begin(arguments.output, call, studies)
  _write_readme(arguments.output, facts.cautions)
  results = _Results(parts, studies, facts, arguments)
  work = functools.partial(
    score_study.score,
    options=options,
    call=facts.call,
    with_key=arguments.key is not None,
  )
  runner.run(work, results.left, results.add)
  is_right = summary.say(arguments.output)
  lines.say(f'Results: {arguments.output}')
  if arguments.shard is not None:  # What others do is their own affair.
    is_right = not results.failed
  return 0 if is_right else command.NOT_DONE


def write_index(arguments: argparse.Namespace, runner: attempt.Runner) -> int:
  """Returns the exit code, after writing the CSV of the studies of a source."""
  studies = find_studies(arguments.source, runner)
  study_lib.write(arguments.output, studies)
  lines.say(f'It names files, and so perhaps patients: {arguments.output}')
  return 0


def find_studies(place: str, runner: attempt.Runner) -> list[study_lib.Study]:
  """Returns the studies of a source, and prints how many they are."""
  if source.is_table(place):
    studies = study_lib.read(pathlib.Path(place))
  else:
    studies = index.find(runner, source.files(place))
  count = sum(len(x.paths) for x in studies)
  lines.say(f'Studies found: {len(studies):,}, of {count:,} files.')
  return studies


class _Results:
  """The results of the parts that were left, each written once it is complete.

  Attributes:
    left: the studies to be scored.
    failed: how many of them had an error.
  """

  def __init__(
    self,
    parts: parts_lib.Parts,
    studies: Sequence[study_lib.Study],
    facts: score_study.Facts,
    arguments: argparse.Namespace,
  ):
    self._parts, self._key = parts, arguments.key
    self._class_names = facts.class_names
    self._check_key()
    number, count = arguments.shard or (0, 1)
    left = [x for x in parts.missing() if x % count == number]
    members: dict[int, list[study_lib.Study]] = {x: [] for x in left}
    for study in sorted(studies, key=lambda x: x.id):
      if (part := study.part(parts.count)) in members:
        members[part].append(study)
    self.left = [x for part in left for x in members[part]]
    self._progress = progress_lib.Progress(len(self.left))
    self._sizes = {part: len(x) for part, x in members.items()}
    self.failed = 0
    self._open: dict[int, dict[int, score_study.Done]] = {}
    for part in left:
      if not members[part]:
        parts.write(part, [], self._class_names, self._key)

  def add(self, number: int, result: score_study.Done | attempt.Failed) -> None:
    """Adds the result of a study of `left`, in any order.

    Raises:
      StopError: no other study can be scored either.
    """
    study = self.left[number]
    if isinstance(result, attempt.Failed):
      if result.stop:
        raise attempt.StopError(f'{study.paths[0]}: {result.stop}')
      result = self._give_up(study, result.error)
    part = study.part(self._parts.count)
    done = self._open.setdefault(part, {})
    done[number] = result
    self.failed += bool(result.tables['studies']['error'][0].as_py())
    self._progress.add(result.tables['refused'].num_rows)
    if len(done) == self._sizes[part]:
      # In one order, so that the same archive gives the same files.
      ordered = [done[i] for i in sorted(done)]
      self._parts.write(part, ordered, self._class_names, self._key)
      del self._open[part]

  def _give_up(self, study: study_lib.Study, error: str) -> score_study.Done:
    reason = f'its study could not be scored ({error})'
    refused = [
      file.refuse(reason, 'damaged')
      for path in study.paths
      for file in source.walk(pathlib.Path(path))
    ]
    found = tables.of_study(
      [], scans.Found([], refused, len(refused)), self._class_names, error
    )
    key: list[tuple[str, ...]] = [
      ('', '', x.id, x.name, '', '', '') for x in refused
    ]
    return score_study.Done(found, key if self._key else [])

  def _check_key(self) -> None:
    if self._key is None:
      return
    kept = {int(x.stem) for x in self._key.glob('[0-9]*.csv')}
    if lost := self._parts.done() - kept:
      raise ValueError(
        f'--key={self._key} has not the {len(lost)} parts that are complete in '
        f'{self._parts.folder}. Give the folder of the first call, or another '
        '--output.'
      )


def _write_readme(folder: pathlib.Path, cautions: Sequence[str]) -> None:
  readme = _README.format(
    disclaimer=page_templates.DISCLAIMER, cautions='\n'.join(cautions)
  )
  files.write(epath.Path(folder) / 'README.txt', readme.encode())
