# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is measured, in the order of its worth, and the file of the results."""

from collections.abc import Iterator, Mapping, Sequence
import dataclasses
import functools
import itertools
import json
import pathlib
from typing import Any

# Batches are doubled from the first one until the memory is full; this many
# doublings reach batch 32 * 2^10.
_DOUBLINGS = 11
# Programs that are not part of each comparison, and what they run.
_VARIANTS = ('eager', 'compiled channels_last', 'compiled fp16')


@dataclasses.dataclass(frozen=True)
class Row:
  """One comparison, whose programs take turns.

  Attributes:
    task: 'train', 'forward', 'end to end' or 'profile'.
    model: name in `resnet_v2.MODELS`.
    side: of the images, in pixels.
    precision: 'bfloat16', 'tf32' or 'float32'.
    batch: images of a step on one card.
    programs: 'here', 'here deterministic', or a way to run PyTorch: 'eager' or
      'compiled', and 'channels_last' or 'fp16' after it.
  """

  task: str
  model: str
  side: int
  precision: str
  batch: int
  programs: tuple[str, ...]

  def __str__(self) -> str:
    """Returns it in words."""
    return (
      f'{self.task}, {self.model}, {self.side} px, {self.precision}, batch '
      f'{self.batch}: {", ".join(self.programs)}'
    )

  def identity(self, program: str) -> dict[str, Any]:
    """Returns the fields that tell a measurement of this row from others."""
    fields = dataclasses.asdict(self)
    return {**fields, 'programs': list(self.programs), 'program': program}


def plan(
  *,
  models: Sequence[str],
  sides: Sequence[int],
  tasks: Sequence[str],
  precisions: Sequence[str],
  batches: Sequence[int],
  on_gpu: bool,
  with_peer: bool,
) -> Iterator[Row]:
  """Yields all rows, the most valuable first.

  Args:
    models: the most important one first, as for the other sequences.
    sides: pixels.
    tasks: of `Row`.
    precisions: of `Row`.
    batches: of all comparisons; the variants run with the first batch.
    on_gpu: whether deterministic operations are an option.
    with_peer: whether PyTorch is measured, too.
  """
  programs = ('here', 'compiled') if with_peer else ('here',)
  for batch in batches:
    for model, precision in itertools.product(models, precisions):
      for task, side in itertools.product(tasks, sides):
        yield Row(task, model, side, precision, batch, programs)
      if (model, precision, batch) != (models[0], precisions[0], batches[0]):
        continue
      main = functools.partial(
        Row, model=model, side=sides[0], precision=precision, batch=batch
      )
      yield main('profile', programs=('here',))
      if on_gpu:
        yield main('train', programs=('here', 'here deterministic'))
      if with_peer and on_gpu:
        for task in ('train', 'forward'):
          yield main(task, programs=('here', *_VARIANTS))


def doublings(first: int) -> list[int]:
  """Returns the batches to try, from the first one on."""
  return [first * 2**i for i in range(_DOUBLINGS)]


class Results:
  """The lines of a JSON-lines file, each written as soon as it is known.

  A measurement is made again only if nothing in the file has the same row and
  the same facts: commit, device, versions and settings.
  """

  def __init__(self, path: pathlib.Path, facts: Mapping[str, Any]):
    self._path, self._facts = path, dict(facts)
    # Also shows at once whether the file can be written.
    path.touch()
    lines = read(path)
    text = path.read_text()
    if text and not text.endswith('\n'):
      # So that the next line does not continue the one that was cut off.
      self._append('\n')
    self._known = [x for x in lines if x['facts'] == self._facts]

  def find(self, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """Returns the measurement of that identity, None if there is none."""
    for line in self._known:
      if line['row'] == dict(identity):
        return line
    return None

  def add(self, identity: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Appends a measurement to the file."""
    line = {'row': dict(identity), **found, 'facts': self._facts}
    self._known.append(line)
    self._append(json.dumps(line) + '\n')

  def _append(self, text: str) -> None:
    with self._path.open('a') as file:
      file.write(text)

  def is_done(self, row: Row) -> bool:
    """Returns whether all programs of a row are in the file."""
    return all(self.find(row.identity(x)) for x in row.programs)

  def is_too_large(self, row: Row) -> bool:
    """Returns whether this project failed with a smaller batch."""
    first = row.identity(row.programs[0])
    return any(
      'failed' in line
      and {**line['row'], 'batch': 0} == {**first, 'batch': 0}
      and line['row']['batch'] < row.batch
      for line in self._known
    )


def read(path: pathlib.Path) -> list[dict[str, Any]]:
  """Returns the lines of the file; one that was cut off is left out."""
  lines = []
  for line in filter(None, path.read_text().splitlines()):
    try:
      lines.append(json.loads(line))
    except json.JSONDecodeError:
      print(f'A line of {path} is cut off and is measured again: {line[:60]}')
  return lines
