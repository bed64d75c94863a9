# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Counts the bytes that a compiled program moves, on a TPU per memory.

XLA's own count, `cost_analysis()['bytes accessed']`, adds up what each
instruction reads and writes, both in the chip's large memory (HBM) and in the
small one beside its cores (VMEM), and counts a copy between them twice. If a
program waits for memory, only the traffic of HBM costs time.
"""

from collections.abc import Mapping
import math
import re
from typing import NamedTuple

_SHAPE = re.compile(
  r'\b(pred|bf16|f16|f32|[su](?:8|16|32))\[([\d,]*)\](?:{([^}]*)})?'
)
_INSTRUCTION = re.compile(
  r'\s+(?:ROOT )?(%[\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*)$'
)
# These move nothing: the traffic of an asynchronous operation is counted where
# it starts.
_FREE = {
  'all-reduce-done',
  'bitcast',
  'constant',
  'copy-done',
  'get-tuple-element',
  'parameter',
  'slice-done',
  'tuple',
}


class Traffic(NamedTuple):
  """Bytes read and written in HBM and in VMEM."""

  hbm: int
  vmem: int


class _Buffer(NamedTuple):
  num_bytes: int
  in_vmem: bool


def count(hlo: str, *, loops: bool = True) -> Traffic:
  """Returns the traffic of the program that `compiled.as_text()` shows.

  Args:
    hlo: the text of the program.
    loops: if True, the traffic of a loop's body is multiplied by the number of
      its iterations where that is a constant (as in `lax.scan`), and counted
      once elsewhere. If False, loops are left out.
  """
  found = computations(hlo)
  return _count(found, found['ENTRY'], loops)


def of_instruction(
  match: re.Match, buffers: Mapping[str, list[_Buffer]]
) -> Traffic:
  """Returns the traffic of an instruction that is no loop.

  Args:
    match: the instruction, from `computations`.
    buffers: those of this instruction and of the ones before it, by name.
  """
  name, _, operation, rest = match.groups()
  if operation in _FREE:
    return Traffic(0, 0)
  moved = [
    *buffers[name],
    *(buffer for x in operands(rest) for buffer in buffers.get(x, ())),
  ]
  if operation in ('copy-start', 'slice-start'):
    # The result is a tuple of source, destination and a flag, or of
    # destination, source and a flag. The smaller of the two is moved.
    size = min(x.num_bytes for x in buffers[name][:2])
    moved = [_Buffer(size, x.in_vmem) for x in buffers[name][:2]]
  return Traffic(
    hbm=sum(x.num_bytes for x in moved if not x.in_vmem),
    vmem=sum(x.num_bytes for x in moved if x.in_vmem),
  )


def operands(rest: str) -> list[str]:
  """Returns the names in what follows the bracket of an instruction."""
  return re.findall(r'%[\w.\-]+', rest.split('), ')[0])


def computations(hlo: str) -> dict[str, list[re.Match]]:
  """Returns the instructions of each computation by name.

  The groups of a match are name, shape, operation, and the rest of the line.
  """
  found: dict[str, list[re.Match]] = {}
  for line in hlo.splitlines():
    if head := re.match(r'(ENTRY|%[\w.\-]+) .*{$', line):
      found[head[1]] = []
    elif found and (match := _INSTRUCTION.match(line)):
      list(found.values())[-1].append(match)
  return found


def _count(
  all_computations: Mapping[str, list[re.Match]],
  instructions: list[re.Match],
  loops: bool,
) -> Traffic:
  known: dict[str, list[_Buffer]] = {}
  hbm = vmem = 0
  for match in instructions:
    name, shape, operation, rest = match.groups()
    known[name] = buffers(shape)
    if operation != 'while':
      repeats, moved = 1, of_instruction(match, known)
    elif loops:
      condition, body = re.findall(r'(?:condition|body)=(%[\w.\-]+)', rest)
      repeats = _repeats(all_computations[condition])
      moved = _count(all_computations, all_computations[body], loops)
    else:
      continue
    hbm += repeats * moved.hbm
    vmem += repeats * moved.vmem
  return Traffic(hbm, vmem)


def _repeats(condition: list[re.Match]) -> int:
  """Returns the iterations of a loop to a constant limit, 1 for other loops."""
  limits = [x[4] for x in condition if x[2][:3] == 's32' and x[3] == 'constant']
  counts_up = any('direction=LT' in x[4] for x in condition)
  if len(limits) != 1 or not counts_up:
    return 1
  return int(limits[0].split(')')[0])


def buffers(shape: str) -> list[_Buffer]:
  """Returns the buffers of a shape, which may be a tuple."""
  return [
    _Buffer(_num_bytes(dtype, sizes, layout), 'S(1)' in layout)
    for dtype, sizes, layout in _SHAPE.findall(shape)
  ]


def _num_bytes(dtype: str, sizes: str, layout: str) -> int:
  """Returns the bytes of an array, including the padding of its tiles."""
  shape = [int(size) for size in sizes.split(',') if size]
  tiled = re.match(r'([\d,]*):T\((\d+),(\d+)\)', layout)
  if tiled and len(shape) >= 2:
    minor, second = (int(axis) for axis in tiled[1].split(',')[:2])
    shape[minor] = _round_up(shape[minor], int(tiled[3]))
    shape[second] = _round_up(shape[second], int(tiled[2]))
  bits = 8 if dtype == 'pred' else int(dtype.lstrip('bfsu'))
  return bits // 8 * math.prod(shape)


def _round_up(size: int, multiple: int) -> int:
  return -(-size // multiple) * multiple
