# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Mutated files of all formats: the right picture, or a reason in one line.

    python -m tests.trials hostile_files

Bytes are flipped, ends cut off, numbers replaced by extreme ones, parts of
other files spliced in, and blocks repeated. Each file may take 10 seconds, and
1 GiB of memory more than those before it.
"""

from collections.abc import Callable, Mapping
import faulthandler
import pathlib
import re
import resource
import shutil
import tempfile
import time
import warnings

import numpy as np

from bit_covid.weights import npz_archive
from input_pipeline import scans
from tests.trials import frame
from tests.trials.frame import small_files

_SECONDS = 10
_BYTES = 1 << 30
# No name of a Python type, no text of a codec or of C code.
_UNCLEAR = re.compile(
  r'\n|Error\b|Exception|Traceback|Warning|codec|0x[0-9a-f]|object|None\b|dtype'
)
_EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)

Mutator = Callable[[bytearray, np.random.Generator, bytes], object]


def run(
  *, amount: int = 30_000, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns a row for each format; `amount` files are shared among them."""
  contents = small_files.make(scratch)
  each = -(-amount // len(contents))
  return [
    try_kind(kind, contents, amount=each, seed=seed, scratch=scratch)
    for kind in contents
  ]


def try_kind(
  kind: str,
  contents: Mapping[str, bytes],
  *,
  amount: int,
  seed: int,
  scratch: pathlib.Path,
) -> frame.Row:
  """Returns the row of a format, after trying mutated files of it."""
  folder, temporary = scratch / 'files', scratch / 'temporary'
  path = folder / f'a{small_files.SUFFIXES.get(kind, "")}'
  for each in (folder, temporary):
    shutil.rmtree(each, ignore_errors=True)
    each.mkdir()
  row = frame.Row(place=kind)
  usual, tempfile.tempdir = tempfile.tempdir, str(temporary)
  try:
    path.write_bytes(contents[kind])
    right, _ = _read(path, kind)
    slowest, start = 0.0, time.monotonic()
    for number in range(amount):
      what, content = mutated(kind, contents, seed=seed, number=number)
      path.write_bytes(content)
      began = time.monotonic()
      problems = _problems(path, kind, right)
      slowest = max(slowest, time.monotonic() - began)
      name = f'seed {seed}, number {number}, {what}'
      row.tries += 1
      row.differences += [f'{name}: {x}' for x in problems]
    mean = (time.monotonic() - start) / max(amount, 1)
    row.measured = f'{1000 * mean:.0f} ms each, at most {slowest:.1f} s'
    row.strays += [x.name for x in temporary.iterdir()]
  finally:
    tempfile.tempdir = usual
  return row


def mutated(
  kind: str, contents: Mapping[str, bytes], *, seed: int, number: int
) -> tuple[str, bytes]:
  """Returns what was done to the file of a format, and the mutated file."""
  generator = np.random.default_rng([seed, list(contents).index(kind), number])
  names = list(_MUTATORS)
  content, done = bytearray(contents[kind]), []
  for name in generator.choice(names, size=generator.choice([1, 1, 1, 2, 3])):
    other = contents[str(generator.choice(list(contents)))]
    if content:
      _MUTATORS[name](content, generator, other)
      done.append(str(name))
  return '+'.join(done), bytes(content)


def _place(content: bytearray, generator: np.random.Generator) -> int:
  # Half of them where headers are, which say how the rest is read.
  most = len(content) if generator.random() < 0.5 else min(len(content), 512)
  return int(generator.integers(most))


def _flip(content, generator, other):
  del other
  for _ in range(generator.integers(1, 5)):
    content[_place(content, generator)] ^= int(generator.integers(1, 256))


def _cut(content, generator, other):
  del other
  del content[int(generator.integers(len(content))) :]


def _number(content, generator, other):
  del other
  width = int(generator.choice([1, 2, 4, 8]))
  value = int(generator.choice(_EXTREMES)) % 256**width
  order = str(generator.choice(['little', 'big']))
  place = _place(content, generator)
  content[place : place + width] = value.to_bytes(width, order)


def _splice(content, generator, other):
  start, length = generator.integers(len(other)), generator.integers(1, 600)
  part = other[int(start) : int(start + length)]
  place = _place(content, generator)
  replaced = len(part) if generator.random() < 0.5 else 0
  content[place : place + replaced] = part


def _repeat(content, generator, other):
  del other
  place = _place(content, generator)
  block = bytes(content[place : place + int(generator.integers(1, 200))])
  content[place:place] = block * int(generator.choice([1, 2, 20, 2000]))


_MUTATORS: Mapping[str, Mutator] = {
  'flipped': _flip,
  'cut': _cut,
  'number': _number,
  'spliced': _splice,
  'repeated': _repeat,
}


def _problems(
  path: pathlib.Path, kind: str, right: list[np.ndarray]
) -> list[str]:
  """Returns what is wrong with how a mutated file is read."""
  start, before = time.monotonic(), _peak()
  # A decoder of images cannot be interrupted. This ends the whole trial.
  faulthandler.dump_traceback_later(60 * _SECONDS, exit=True)
  try:
    with warnings.catch_warnings():
      warnings.simplefilter('error')
      grays, reasons = _read(path, kind)
  except Exception as error:  # Anything that comes out is a traceback.
    return [f'{type(error).__name__} {error}']
  finally:
    faulthandler.cancel_dump_traceback_later()
  problems = [x for x in reasons if _UNCLEAR.search(x) or not x.strip()]
  if time.monotonic() - start > _SECONDS:
    problems.append(f'took {time.monotonic() - start:.0f} s')
  if _peak() - before > _BYTES:
    problems.append(f'took {_peak() - before:,} bytes')
  if not grays and not reasons:
    problems.append('neither a picture nor a reason')
  is_whole = len(grays) == len(right) and all(map(np.array_equal, grays, right))
  if not is_whole and not reasons and kind in small_files.CHECKED:
    problems.append('another picture')
  return problems


def _peak() -> int:
  return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _read(path: pathlib.Path, kind: str) -> tuple[list[np.ndarray], list[str]]:
  """Returns the gray values of all slices, and the reasons against others."""
  if kind == 'checkpoint':
    return _read_checkpoint(path)
  grays, reasons = [], []
  with scans.find(path) as found:
    reasons += [each.reason for each in found.refused]
    for scan in found.scans:
      reasons += scan.notes
      for each in scan.slices:
        try:
          grays.append(each.read().gray)
        except scans.UnreadableError as error:
          reasons.append(error.reason)
  return grays, reasons


def _read_checkpoint(
  path: pathlib.Path,
) -> tuple[list[np.ndarray], list[str]]:
  try:
    headers = npz_archive.read_headers(path)
    arrays = npz_archive.read_arrays(path, headers)
  except ValueError as error:
    # What NumPy and zipfile say is quoted, so it is not looked at.
    return [], [str(error).startswith(f'{path}: ') * 'a reason']
  # A network compares them with its own.
  is_whole = headers.keys() == small_files.CHECKPOINT.keys()
  return list(arrays.values()), [] if is_whole else ['other arrays']
