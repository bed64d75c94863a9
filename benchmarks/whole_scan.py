# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares `predict` on a DICOM series with a plain loop in PyTorch.

    python -m benchmarks.whole_scan SERIES --turns=3

Each program runs in a process of its own, from its start to its end. `predict`
runs once with an empty compilation cache ("cold"), and then in turns with the
loop. It checks the slices, and draws maps and pages. The loop does neither: it
reads all slices one after the other by pydicom, resizes them by OpenCV, and
applies BiT of transformers to batches. Its memory is kept as that of `predict`
is. Parameters are random.
"""

import argparse
import functools
import json
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks import turns
from bit_covid.base import arguments as arguments_lib
from input_pipeline import conventions

# What glibc is told for the loop; `predict` tells it so itself.
_KEPT_MEMORY = {
  'MALLOC_ARENA_MAX': '1',
  'MALLOC_MMAP_MAX_': '0',
  'MALLOC_TRIM_THRESHOLD_': '-1',
}
_PART = re.compile(r'(\w+) (\d+) ms')


def main() -> None:
  """Prints the seconds of both programs and of their parts."""
  parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
  parser.add_argument('series', type=pathlib.Path, help='folder of DICOM files')
  parser.add_argument('--model', default='R50x1')
  parser.add_argument('--side', type=int, default=480, help='in pixels')
  arguments_lib.add_engine(parser)
  parser.add_argument('--turns', type=int, default=3)
  parser.add_argument('--batch', type=int, default=4, help='of the loop')
  parser.add_argument(
    '--threads', type=int, default=len(os.sched_getaffinity(0)), help='of it'
  )
  parser.add_argument(
    '--channels_last', action='store_true', help='the layout of the loop'
  )
  parser.add_argument(
    '--only_loop', action='store_true', help=argparse.SUPPRESS
  )
  turns.add_json_flag(parser)
  args = parser.parse_args()
  if args.only_loop:
    print(json.dumps(run_loop(args)))
    return
  turns.report(turns.facts() | measure(args), args.json)


def measure(args: argparse.Namespace) -> dict[str, Any]:
  """Returns medians of both programs by name, and the ratios of their times."""
  with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    checkpoint = folder / 'model.npz'
    _save_random(checkpoint, args.model, args.side)
    predict = functools.partial(_run_predict, args, checkpoint)
    cold = predict(folder / 'cold')
    here, loop = [], []
    for turn in range(args.turns):
      here.append(predict(folder / str(turn)))
      loop.append(_run_loop_alone())
  return {
    'here, cold': cold,
    'here, warm': _medians(here),
    'plain loop': _medians(loop),
    'faster by': {
      unit: turns.median_ratio([x[unit] for x in loop], [x[unit] for x in here])
      for unit in ('clock', 'core')
    },
  }


def parts(output: str) -> dict[str, float]:
  """Returns the seconds of what `predict` printed of one scan, by part.

  'compiling' is before the scan. What is read while the network is at work is
  no part.

  Raises:
    RuntimeError: no scan was scored.
  """
  compiling = re.search(r'Network ready after ([\d.]+) s', output)
  line = re.search(r'([\d.]+) s, (\d+) ms a slice: (.+)', output)
  if not (compiling and line):
    raise RuntimeError(f'The scan was not scored: {output[-500:]!r}')
  count = 1000 * float(line[1]) / max(int(line[2]), 1)
  seconds = {name: int(x) * count / 1000 for name, x in _PART.findall(line[3])}
  return {'compiling': float(compiling[1]), **seconds}


def _save_random(path: pathlib.Path, model: str, side: int) -> None:
  # Not at the top, as the loop needs no JAX.
  from benchmarks import random_checkpoint
  from bit_covid.weights import bit_npz

  made = random_checkpoint.make(model, side)
  bit_npz.save(path, made.params, model_name=model, metadata=made.metadata)


def _run_predict(
  args: argparse.Namespace, checkpoint: pathlib.Path, output: pathlib.Path
) -> dict[str, float]:
  arguments = [
    str(args.series),
    f'--checkpoint={checkpoint}',
    f'--engine={args.engine}',
    f'--output={output}',
  ]
  cache = str(checkpoint.with_name('cache'))
  printed, times = _run(
    ['bit_covid.predict', *arguments], JAX_COMPILATION_CACHE_DIR=cache
  )
  return _with_rest(times, parts(printed))


def _run_loop_alone() -> dict[str, float]:
  flags = ['benchmarks.whole_scan', *sys.argv[1:], '--only_loop']
  printed, times = _run(flags, **_KEPT_MEMORY)
  return _with_rest(times, json.loads(printed.splitlines()[-1]))


def _run(module: list[str], **environment: str) -> tuple[str, dict[str, float]]:
  """Returns what a module prints, and its seconds with those of its children.

  The second time is that of the processor, as in `turns`.
  """
  used, clock = _children_seconds(), time.perf_counter()
  result = subprocess.run(
    [sys.executable, '-m', *module],
    check=True,
    stdout=subprocess.PIPE,
    text=True,
    env={**os.environ, **environment},
  )
  clock = time.perf_counter() - clock
  return result.stdout, {'clock': clock, 'core': _children_seconds() - used}


def _children_seconds() -> float:
  used = resource.getrusage(resource.RUSAGE_CHILDREN)
  return used.ru_utime + used.ru_stime


def _with_rest(
  times: dict[str, float], seconds: dict[str, float]
) -> dict[str, float]:
  rest = times['clock'] - sum(seconds.values())
  return {**times, **seconds, 'start and end': rest}


def _medians(measured: list[dict[str, float]]) -> dict[str, float]:
  return {
    name: statistics.median(x[name] for x in measured) for name in measured[0]
  }


def run_loop(args: argparse.Namespace) -> dict[str, float]:
  """Returns the seconds of the loop for reading and for the network."""
  # Not at the top, as PyTorch is optional.
  import numpy as np
  import torch

  from benchmarks import peer

  torch.set_num_threads(args.threads)
  layout = torch.contiguous_format
  if args.channels_last:
    layout = torch.channels_last
  network = peer.create(args.model).eval().to(memory_format=layout)
  files = sorted(x for x in args.series.rglob('*') if x.is_file())
  seconds = {'reading': 0.0, 'network': 0.0}
  for start in range(0, len(files), args.batch):
    since = time.perf_counter()
    grays = [_read(x, args.side) for x in files[start : start + args.batch]]
    pixels = torch.from_numpy(np.stack(grays))[:, None].repeat(1, 3, 1, 1)
    read = time.perf_counter()
    with torch.inference_mode():
      network(pixels.to(memory_format=layout)).logits.numpy()
    seconds['reading'] += read - since
    seconds['network'] += time.perf_counter() - read
  return seconds


def _read(path: pathlib.Path, side: int) -> Any:
  """Returns a slice under the lung window, `[S, S]` float32 in [-1, 1]."""
  # Not at the top, as `--help` need not wait for them.
  import cv2
  import numpy as np
  import pydicom

  dataset = pydicom.dcmread(path)
  center, width = conventions.LUNG_WINDOW
  scaled = dataset.pixel_array * np.float32(dataset.RescaleSlope)
  hounsfield = scaled + np.float32(dataset.RescaleIntercept)
  gray = np.clip((hounsfield - center) / width, -0.5, 0.5) * 2
  return cv2.resize(gray.astype(np.float32), (side, side))


if __name__ == '__main__':
  main()
