# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes the runs without some patients, and the table of them."""

import argparse
from collections.abc import Sequence
import copy
import pathlib

from etils import epath
import ml_collections
import numpy as np

from bit_covid.analysis import terminal
from bit_covid.audit import model
from bit_covid.audit import output
from bit_covid.audit import slices
from bit_covid.audit.model import left_out
from bit_covid.audit.model import subject as subject_lib
from bit_covid.base import command
from bit_covid.base import progress
from bit_covid.cli import train
from bit_covid.leave_out import pooled_run
from bit_covid.training import best
from bit_covid.training import check_config
from bit_covid.training import cost
from bit_covid.training import cost_table
from bit_covid.training import queue
import input_pipeline
from input_pipeline import left_out as left_out_patients


def run(arguments: argparse.Namespace) -> int:
  """Returns 0 if all runs that are possible are finished, 1 otherwise."""
  workdir = epath.Path(arguments.run).expanduser().absolute()
  config = pooled_run.read_config(workdir)
  config.data.update(
    path=arguments.data,
    data_dir=arguments.data_dir,
    image_folder=arguments.image_folder,
    metadata=arguments.metadata,
  )
  splits = input_pipeline.load_all_splits(config.data)
  subject = subject_lib.load(workdir, splits, max_images=0, seed=0)
  runs = _plan(arguments, subject)
  tasks = [_task(x, config, subject) for x in runs if not x.problem]
  check_config.check(tasks[0].config)
  folder = pathlib.Path(workdir) / left_out.FOLDER
  left = queue.left(tasks, folder)
  _show_plan(runs, left, subject)
  _show_cost(tasks, left, config, subject)
  if arguments.dry_run:
    return 0
  outcome = queue.work(tasks, folder, train=train.train_and_report)
  _write(arguments.by, folder, subject)
  for each, message in outcome.diverged.items():
    progress.say(f'Diverged: {each.name}: {message}')
  left = queue.left(tasks, folder)
  if left:
    names = ', '.join(task.run.name for task in left)
    progress.say(f'Not finished: {names}. The same command goes on.')
  return command.NOT_DONE if left else 0


def _plan(
  arguments: argparse.Namespace, subject: subject_lib.Subject
) -> list[left_out.LeftOut]:
  """Returns the trainings that are asked for, at least one of them possible.

  Raises:
    ValueError: none is possible.
  """
  if subject.judged in left_out_patients.SPLITS:
    raise ValueError(
      f'{subject.workdir} was evaluated on {subject.judged} alone, which loses '
      f'patients; evaluate test first: bit-covid evaluate {subject.workdir}'
    )
  if arguments.by == left_out_patients.SOURCE:
    runs = left_out.of_sources(subject)
    if len(runs) < 2:
      names = ', '.join(x.value for x in runs) or 'none'
      raise ValueError(
        f'The named sources of the slices are {names}; expected two or more. '
        'Name them in the column source of the CSV.'
      )
  else:
    examples = subject.splits[subject_lib.TRAIN]
    metadata = arguments.metadata
    runs = [left_out.make(arguments.by, examples, subject, metadata=metadata)]
  if all(x.problem for x in runs):
    reasons = '; '.join(f'{x.leave_out}: {x.problem}' for x in runs)
    raise ValueError(
      f'No training is possible ({reasons}). Choose other patients with --by.'
    )
  return runs


def _task(
  run_: left_out.LeftOut,
  pooled: ml_collections.ConfigDict,
  subject: subject_lib.Subject,
) -> queue.Task:
  """Returns the training as that of the pooled run, but for the patients.

  Raises:
    ValueError: it is to be chosen by a split of which no patient is left.
  """
  config = copy.deepcopy(pooled)
  config.data.leave_out = run_.leave_out
  # A split of which nobody is left cannot be evaluated.
  sizes = {
    name: np.count_nonzero(
      ~left_out_patients.are_of(
        subject.splits[name], run_.leave_out, config.data.metadata
      )
    )
    for name in pooled.final_splits
    if name in left_out_patients.SPLITS
  }
  sizes = {name: int(size) for name, size in sizes.items() if size}
  sizes[subject.judged] = len(subject.examples)
  config.final_splits = tuple(sizes)
  config.report = False
  if config.keep == best.LAST:
    config.eval_every = 0  # Nothing but curves would come of it.
  elif config.eval_split not in sizes:
    raise ValueError(
      f'{subject.workdir} was chosen by {config.eval_split}, of which a '
      f'training without {run_.leave_out} has no patients; name a run with '
      "config.keep='last'."
    )
  return queue.Task(run_, config, cost.of(config, sizes))


def _show_plan(
  runs: Sequence[left_out.LeftOut],
  left: Sequence[queue.Task],
  subject: subject_lib.Subject,
) -> None:
  """Prints who is left out, and what is possible, finished or to be made."""
  waiting = {task.run for task in left}
  view = terminal.new_text_table('Left out', 'Training')
  for each in runs:
    state = 'to be made' if each in waiting else 'finished'
    problem = each.problem and f'not possible: {each.problem}'
    view.add_row(each.leave_out, problem or state)
  text = f'Trained as {progress.format_path(subject.workdir)}, judged on '
  terminal.show(f'{text}{subject.judged}, without these patients:', view)


def _show_cost(
  tasks: Sequence[queue.Task],
  left: Sequence[queue.Task],
  pooled: ml_collections.ConfigDict,
  subject: subject_lib.Subject,
) -> None:
  """Prints the cost, and how long it takes if the pooled run tells."""
  rows = {'all runs': tasks, 'not finished': left}
  cost_table.show({name: [x.cost for x in part] for name, part in rows.items()})
  took = pooled_run.seconds(subject.workdir)
  if took is None or not left:
    return
  sizes = {name: len(examples) for name, examples in subject.splits.items()}
  made = [(cost.of(pooled, sizes), took)]
  expected = queue.predict_seconds([task.cost for task in left], made)
  progress.say(
    f'The run on all patients took {progress.format_seconds(took)}; on such a '
    f'machine these take up to {progress.format_seconds(expected)}.'
  )


def _write(by: str, folder: pathlib.Path, subject: subject_lib.Subject) -> None:
  """Writes and prints the table of what was asked for, and of the other."""
  is_source = by.startswith(left_out_patients.SOURCE)
  asked = model.SOURCES if is_source else model.LABELS
  findings = [model.run(x, subject) for x in (model.SOURCES, model.LABELS)]
  # What nobody asked for is shown if it was made.
  findings = [
    x for x in findings if x.check == asked or x.severity != 'NOT CHECKED'
  ]
  table = slices.from_examples(subject.splits).table
  headline = output.headline(progress.format_path(subject.workdir), table)
  output.show(headline, findings)
  facts = {'run': subject.workdir.name, 'judged': subject.judged}
  page = output.write(folder, headline, findings, facts, name='leave_one_out')
  progress.say(f'Page: {progress.format_path(page)}')
