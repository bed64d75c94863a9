# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures the programs of a row in turns, each in a process of its own."""

from collections.abc import Mapping, Sequence
import contextlib
import importlib.util
import statistics
import time
from typing import Any

from benchmarks import turns
from benchmarks.accelerator import rows
from benchmarks.accelerator import worker


def lacking_peer(platform: str) -> str | None:
  """Returns what is missing for a comparison with PyTorch, or None."""
  if platform == 'tpu':
    return 'a TPU has room for one process, and PyTorch would need torch_xla.'
  if not importlib.util.find_spec('torch'):
    return 'it is not installed; see benchmarks/README.md.'
  if not any(map(importlib.util.find_spec, ('timm', 'transformers'))):
    return 'neither timm nor transformers is installed.'
  return None


class Comparison:
  """Measures rows.

  Attributes:
    environment: the variables of all processes.
    turns: how often each program is measured.
  """

  def __init__(self, environment: Mapping[str, str], *, turns: int):
    self.environment, self.turns = environment, turns

  def run(self, row: rows.Row, results: rows.Results, *, until: float) -> bool:
    """Returns whether the row was measured before a time; writes what was.

    If the programs do not fit into the memory together, they are measured one
    after the other, and their measurements say so.
    """
    try:
      found = self._measure(row, row.programs, until)
      if any(x.get('out_of_memory') for x in found.values()):
        found = {}
        for program in row.programs:
          found |= self._measure(row, [program], until)
    except TimeoutError:
      return False
    for program, measurement in found.items():
      results.add(row.identity(program), measurement)
    return True

  def _measure(
    self, row: rows.Row, programs: Sequence[str], until: float
  ) -> dict[str, dict[str, Any]]:
    """Returns the measurement of each program, or why there is none.

    Raises:
      TimeoutError: they were not all measured before `until`.
    """
    if time.monotonic() > until:
      raise TimeoutError
    if row.task == 'profile':
      with self._start(row, 'here') as process:
        return {'here': process.ask(until=until)}
    with contextlib.ExitStack() as stack:
      workers, found = {}, {}
      for program in programs:
        workers[program] = stack.enter_context(self._start(row, program))
        # One after the other: two that compile at once would slow each other.
        found[program] = workers[program].ask(until=until)
        if len(programs) > 1 and found[program].get('out_of_memory'):
          # They do not fit together, so that no turns are needed.
          return found
      seconds: dict[str, list[float]] = {x: [] for x in programs}
      for _ in range(self.turns):
        for program, process in workers.items():
          if 'failed' not in found[program]:
            answer = process.ask('turn', until=until)
            found[program] |= answer
            if 'failed' not in answer:
              seconds[program].append(answer['step_seconds'])
      for program, process in workers.items():
        if 'failed' not in found[program]:
          found[program] |= process.ask('peak', until=until)
    return {
      program: _summary(row, measurement, seconds, program)
      for program, measurement in found.items()
    }

  def _start(self, row: rows.Row, program: str) -> worker.Worker:
    return worker.Worker(
      'profile' if row.task == 'profile' else program.split()[0],
      environment=self.environment,
      task=row.task,
      model=row.model,
      side=row.side,
      precision=row.precision,
      batch=row.batch,
      settings=program.split()[1:],
    )


def _summary(
  row: rows.Row,
  measurement: Mapping[str, Any],
  seconds: Mapping[str, list[float]],
  program: str,
) -> dict[str, Any]:
  """Returns the fields of a line in the file of results."""
  if 'failed' in measurement:
    return dict(measurement)
  first = seconds.get(row.programs[0], [])
  own = seconds[program]
  ratio = None
  if program != row.programs[0] and len(first) == len(own):
    ratio = turns.median_ratio(own, first)
  return {
    'images_per_second': row.batch / statistics.median(own),
    'step_seconds': own,
    'steps': measurement['steps'],
    'compile_seconds': measurement['compile_seconds'],
    'peak_bytes': measurement['peak_bytes'],
    'here_is_faster_by': ratio,
    'took_turns': len(seconds) > 1,
  }
