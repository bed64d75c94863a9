# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes the runs, tables and figures that the arguments ask for."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bit_covid.base import progress
from bit_covid.cli import train
from bit_covid.paper import collect
from bit_covid.paper import grid
from bit_covid.paper import scales
from bit_covid.training import cost
from bit_covid.training import cost_table
from bit_covid.training import queue
import input_pipeline

# Items that show the data set itself.
_OF_DATA = frozenset(('figure2', 'figure8', 'figure9'))


def run(arguments: argparse.Namespace) -> int:
  """Returns 0 if all runs that were asked for are finished, 1 otherwise."""
  scale = scales.SCALES[arguments.scale]
  items = list(grid.ITEMS) if 'all' in arguments.items else arguments.items
  data = {'data.path': arguments.data} if arguments.data else {}
  values = dict(arguments.set) | data
  repeats = {
    'seeds': arguments.seeds,
    'few_shot_seeds': arguments.few_shot_seeds or scale.few_shot_seeds,
    'sweeps': arguments.sweeps,
  }
  tasks = {
    item: [_task(x, scale, values) for x in grid.runs([item], **repeats)]
    for item in items
  }
  # Each run only where it comes first.
  whole = list({x.run: x for part in tasks.values() for x in part}.values())
  mine = queue.shard(whole, index=arguments.shard[0], count=arguments.shard[1])
  if arguments.commands:
    for x in queue.left(mine, arguments.workdir):
      folder = str(x.run.folder(arguments.workdir))
      progress.say(scales.command(x.run, scale, folder, values=values))
    return 0
  if scale.caution:
    progress.say(scale.caution)
  _show_cost(tasks, whole, arguments)
  if arguments.dry_run:
    return 0
  outcome = None
  if not arguments.collect:
    outcome = queue.work(
      mine,
      arguments.workdir,
      train=train.train_and_report,
      keep_checkpoints=arguments.keep_checkpoints,
    )
  _collect(items, arguments, scale, values, repeats)
  return _conclude(outcome, queue.left(whole, arguments.workdir))


def _task(
  run_: grid.Run, scale: scales.Scale, values: Mapping[str, Any]
) -> queue.Task:
  config = scales.make_config(run_, scale, values=values)
  return queue.Task(run_, config, cost.of(config, scale.sizes))


def _show_cost(
  tasks: Mapping[str, Sequence[queue.Task]],
  whole: Sequence[queue.Task],
  arguments: argparse.Namespace,
) -> None:
  """Prints the cost of each item and of the runs that are left."""
  rows = dict(tasks) if len(tasks) > 1 else {}
  rows['all runs, once'] = whole
  rows['not finished'] = queue.left(whole, arguments.workdir)
  costs = {name: [x.cost for x in part] for name, part in rows.items()}
  speed = arguments.images_per_second
  cost_table.show(costs, _seconds(whole, speed) if speed and whole else None)
  progress.say('Items share runs.')


def _seconds(
  whole: Sequence[queue.Task], images_per_second: float
) -> Callable[[Sequence[cost.Cost]], float]:
  """Returns how long runs take, given the speed at the largest resolution."""
  largest = max(whole, key=lambda task: task.config.data.crop).config
  return lambda costs: cost.seconds(
    cost.total(costs).operations,
    images_per_second=images_per_second,
    model_name=largest.model.name,
    crop=largest.data.crop,
  )


def _collect(
  items: Sequence[str],
  arguments: argparse.Namespace,
  scale: scales.Scale,
  values: Mapping[str, Any],
  repeats: Mapping[str, int],
) -> None:
  splits = {}
  if _OF_DATA.intersection(items):
    config = scales.make_config(grid.Run(grid.BEST), scale, values=values)
    splits = {
      name: input_pipeline.load_split(config.data, name)
      for name in ('train', *config.final_splits)
    }
  for item in items:
    paths = collect.collect(
      item,
      arguments.workdir,
      scale=scale,
      live=dict(arguments.covidnet),
      splits=splits,
      **repeats,
    )
    progress.say(f'{item}: {", ".join(map(str, paths))}')


def _conclude(outcome: queue.Outcome | None, left: Sequence[queue.Task]) -> int:
  if not left:
    progress.say('All runs are finished.')
    return 0
  diverged = outcome.diverged if outcome else {}
  for run_, message in diverged.items():
    progress.say(f'Diverged: {run_.name}: {message}')
  others = [task.run.name for task in left if task.run not in diverged]
  if others:
    progress.say(
      f'{len(others)} runs are left, such as {others[0]}: another process is '
      'making them, or they are of another shard. The same command, given '
      'when they are finished, makes the tables and figures whole.'
    )
  return 1
