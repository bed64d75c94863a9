# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Measures what the number of slices costs a training, for `growth`.

The slices are small and generated in memory, and the same few images serve
for all of them: the memory that grows with their number is that of the table.
"""

import statistics
import tempfile
import time
from typing import Any

import cv2
from etils import epath
import numpy as np

from benchmarks import turns
from bit_covid.training import run_directory
from configs import common
import input_pipeline

_SIDE = 64
# Number of different images. All slices share them, so that the images do not
# fill the memory that is measured.
_IMAGES = 256
_BATCH = 64


def measure(count: int, *, steps: int = 80) -> dict[str, Any]:
  """Returns seconds of processor time and megabytes with `count` slices.

  A start writes the facts of the run and loads the first batch; what is saved
  are these facts.
  """
  before = turns.peak_megabytes()
  examples = _examples(count)
  config = common.get_config()
  config.data.update(box='none', resize=_SIDE, crop=_SIDE - 8)
  # Starts in the middle of the third epoch, as after an interruption.
  first = 5 * count // (2 * _BATCH)
  with tempfile.TemporaryDirectory() as folder:
    workdir = epath.Path(folder)
    begun = time.process_time()
    run_directory.write_facts(config, workdir, {'train': examples})
    saved = time.process_time() - begun
    size = turns.megabytes_in(workdir)
  dataset = input_pipeline.train_batches(
    examples,
    config.data,
    batch=_BATCH,
    seed=0,
    first_step=first,
    end_step=first + steps + 1,
  )
  batches = input_pipeline.as_numpy(dataset)
  next(batches)
  start = time.process_time() - begun
  core = []
  for _ in range(4):
    begun = time.process_time()
    for _ in range(steps // 4):
      next(batches)
    core.append((time.process_time() - begun) / (steps // 4))
  return {
    'start s': start,
    'step ms': 1000 * statistics.median(core),
    'peak MB': turns.peak_megabytes() - before,
    'saved MB': size,
    'save s': saved,
  }


def _examples(count: int) -> input_pipeline.Examples:
  generator = np.random.default_rng(0)
  images = generator.integers(0, 256, (_IMAGES, _SIDE, _SIDE), np.uint8)
  encoded = [cv2.imencode('.png', image)[1].tobytes() for image in images]
  names = np.char.add('slice', np.arange(count).astype(str))
  return input_pipeline.Examples(
    class_names=('Normal', 'CP', 'NCP'),
    slice_id=names,
    patient_id=names,
    source=np.full(count, 'here'),
    label=np.arange(count, dtype=np.int32) % 3,
    box=np.zeros((count, 4), np.int32),
    digest=names,
    read=lambda i: encoded[i % _IMAGES],
  )
