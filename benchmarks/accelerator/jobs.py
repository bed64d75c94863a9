# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a process of the benchmark does.

Each job imports what it needs: a process with PyTorch loads no JAX, which would
hold memory of the card, and the other way round.
"""

from collections.abc import Callable
import dataclasses
import importlib
from typing import Any


@dataclasses.dataclass(frozen=True)
class Program:
  """A program that is compiled and ready to be measured.

  Attributes:
    run: makes so many steps and waits for the last one.
    peak_bytes: returns the most memory of the card that was in use so far,
      None if the platform does not say.
    compile_seconds: the time of compiling; in PyTorch, of the first step.
  """

  run: Callable[[int], None]
  peak_bytes: Callable[[], int | None]
  compile_seconds: float


# The module of this package that does a job, by its function `run`.
_MODULES = {
  'here': 'here',
  'eager': 'pytorch',
  'compiled': 'pytorch',
  'correctness': 'correctness',
  'profile': 'profile',
}


def do(job: str, **arguments: Any) -> Program | dict[str, Any]:
  """Returns a program to be measured, or the result of another job."""
  if job == 'facts':
    return _facts()
  module = importlib.import_module(f'benchmarks.accelerator.{_MODULES[job]}')
  if _MODULES[job] == 'pytorch':
    arguments['compiles'] = job == 'compiled'
  return module.run(**arguments)


def _facts() -> dict[str, Any]:
  import jax

  first = jax.local_devices()[0]
  return {
    'device': first.device_kind,
    'platform': first.platform,
    'devices': jax.local_device_count(),
  }
