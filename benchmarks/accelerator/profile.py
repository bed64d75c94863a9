# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The kernels of a training step that take the longest, and its roofline."""

import collections
from collections.abc import Mapping, Sequence
import gzip
import json
import pathlib
import tempfile
from typing import Any

import jax

from benchmarks.accelerator import here
from benchmarks.accelerator import peaks
from benchmarks.accelerator import roofline

_STEPS = 3
_SHOWN = 10


def run(
  *, model: str, side: int, precision: str, batch: int, **_: Any
) -> dict[str, Any]:
  """Returns `kernels` and `operations` of a training step; see `rows.Row`."""
  compiled, state, local_batch, _ = here.compile_step(
    forward=False, model=model, side=side, precision=precision, batch=batch
  )
  state, _ = jax.block_until_ready(compiled(state, local_batch))
  with tempfile.TemporaryDirectory() as folder:
    with jax.profiler.trace(folder):
      for _ in range(_STEPS):
        state, _ = compiled(state, local_batch)
      jax.block_until_ready(state)
    (path,) = pathlib.Path(folder).rglob('*.trace.json.gz')
    with gzip.open(path) as file:
      events = json.load(file)['traceEvents']
  peak = peaks.find(jax.local_devices()[0].device_kind)
  operations = roofline.operations(
    compiled.as_text(), peak=peak, precision=precision
  )
  return {
    'kernels': dearest_kernels(events, steps=_STEPS),
    'operations': [x._asdict() for x in operations],
  }


def dearest_kernels(
  events: Sequence[Mapping[str, Any]], *, steps: int
) -> list[dict[str, Any]]:
  """Returns name, share and milliseconds a step of the ten longest kernels.

  Args:
    events: `traceEvents` of the trace of `steps` steps.
    steps: their number.
  """
  threads = {
    (x['pid'], x['tid']): x['args']['name']
    for x in events
    if x.get('ph') == 'M' and x['name'] == 'thread_name'
  }
  # A GPU's kernels are in its streams; other lines of the trace show the same
  # time again. A TPU has a line of XLA's operations.
  for start in ('Stream', 'XLA Ops'):
    lines = {key for key, name in threads.items() if name.startswith(start)}
    chosen = [x for x in events if (x.get('pid'), x.get('tid')) in lines]
    if lines:
      break
  else:
    chosen = [x for x in events if 'hlo_op' in x.get('args', {})]
  total: collections.Counter[str] = collections.Counter()
  for event in chosen:
    if event.get('ph') == 'X':
      total[event['name']] += event['dur']
  whole = sum(total.values())
  return [
    {'name': name, 'share': time / whole, 'ms': time / 1000 / steps}
    for name, time in total.most_common(_SHOWN)
  ]
