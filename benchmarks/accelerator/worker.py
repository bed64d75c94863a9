# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A program that is measured, in a process of its own.

The process has the memory of one program alone: its peak can be read, and if it
is not enough, only this row is lost. `Worker` is the end of the benchmark,
`main` that of the process. They exchange lines of JSON.
"""

from collections.abc import Mapping
import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks.accelerator import jobs

# Of a turn, at least, so that starting the steps does not count.
_SECONDS = 0.5
_MOST_STEPS = 100
_NO_MEMORY = ('RESOURCE_EXHAUSTED', 'out of memory', 'OutOfMemory')


class Worker(contextlib.AbstractContextManager):
  """A process that does a job of `jobs`; the end of the block ends it."""

  def __init__(
    self, job: str, *, environment: Mapping[str, str], **arguments: Any
  ):
    # Closed by `__exit__`.
    self._errors = tempfile.TemporaryFile('w+')  # noqa: SIM115
    self._process = subprocess.Popen(
      [sys.executable, '-m', 'benchmarks.accelerator.worker']
      + [json.dumps({'job': job, 'arguments': arguments})],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=self._errors,
      text=True,
      env=dict(environment),
    )

  def __exit__(self, *exception: object) -> None:
    self._process.kill()
    with contextlib.suppress(BrokenPipeError):
      self._process.communicate()
    self._errors.close()

  def ask(self, question: str | None = None, *, until: float) -> dict[str, Any]:
    """Returns the next answer, after a question except for the first one.

    An answer that holds `failed` is the last one.

    Args:
      question: 'turn' or 'peak'.
      until: the time of `time.monotonic` at which the process has to be done.

    Raises:
      TimeoutError: it was not.
    """
    if question:
      # A process that has ended says why below.
      with contextlib.suppress(BrokenPipeError):
        self._process.stdin.write(question + '\n')
        self._process.stdin.flush()
    wait = max(0.0, until - time.monotonic())
    if not select.select([self._process.stdout], [], [], wait)[0]:
      raise TimeoutError
    line = self._process.stdout.readline()
    if line:
      return json.loads(line)
    code = self._process.wait()
    self._errors.seek(0)
    last = self._errors.read().strip().splitlines()[-3:]
    # The system ends a process for which the host has no memory by signal 9.
    text = ' '.join(last) or 'no message'
    return {'failed': f'exit code {code}: {text}', 'out_of_memory': code == -9}


def main() -> None:
  """Does the job that the command line describes, and answers on stdout."""
  # What libraries print must not get between the answers.
  answers = os.fdopen(os.dup(1), 'w', buffering=1)
  os.dup2(2, 1)

  def answer(value: Mapping[str, Any]) -> None:
    answers.write(json.dumps(value) + '\n')

  order = json.loads(sys.argv[1])
  try:
    _work(jobs.do(order['job'], **order['arguments']), answer)
  except Exception as error:  # Whatever it is, it costs only this row.
    text = f'{type(error).__name__}: {error}'
    no_memory = any(x in text for x in _NO_MEMORY)
    answer({'failed': text[:300], 'out_of_memory': no_memory})


def _work(result: jobs.Program | dict[str, Any], answer) -> None:
  if not isinstance(result, jobs.Program):
    answer(result)
    return
  result.run(2)
  # Twice, as the first step after a pause may be slower.
  seconds = min(_seconds(result, 1) for _ in range(2))
  steps = max(1, min(_MOST_STEPS, round(_SECONDS / seconds)))
  answer({'compile_seconds': result.compile_seconds, 'steps': steps})
  for line in sys.stdin:
    if line.strip() == 'turn':
      answer({'step_seconds': _seconds(result, steps) / steps})
    else:
      answer({'peak_bytes': result.peak_bytes()})


def _seconds(program: jobs.Program, steps: int) -> float:
  start = time.perf_counter()
  program.run(steps)
  return time.perf_counter() - start


if __name__ == '__main__':
  main()
