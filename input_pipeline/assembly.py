# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Batches of images that threads load ahead, in order.

Each image is written to its place in its batch: no thread waits for another,
nothing is copied into a batch, and the result is the same for any number of
threads. OpenCV and the readers leave Python's lock while they work.
"""

import collections
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent import futures
import itertools
import os
from typing import Any

import cv2
import numpy as np

# What is to be loaded: arrays `[B, ...]`.
Plan = Mapping[str, np.ndarray]

# Each of the threads here works on an image of its own. Threads of OpenCV's
# would come on top of them and wait for each other.
cv2.setNumThreads(1)

# Batches that are ready or being made while one is taken.
_BATCHES_AHEAD = 2

# Of a batch: few, as each wakes the thread that waits for it, and enough that
# no thread is left with much when the others are done.
_JOBS_PER_THREAD = 4

# Results that `map_ahead` has ready for who takes one after the other.
_LOOK_AHEAD = 64


def num_threads() -> int:
  """Returns the number of cores that this process may use."""
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def assemble(
  plans: Iterable[Plan],
  load: Callable[[Plan, int, np.ndarray], None],
  *,
  shape: tuple[int, ...],
) -> Iterator[tuple[Plan, np.ndarray]]:
  """Yields each plan with its images, uint8 `[B, *shape]`, in order.

  Args:
    plans: taken as far ahead as there is work for the threads.
    load: `load(plan, i, image)` writes image i of a plan to `image`; called by
      many threads at once. What it raises is raised here.
    shape: of an image.
  """
  threads = num_threads()
  waiting: collections.deque = collections.deque()
  with futures.ThreadPoolExecutor(threads, 'input_pipeline') as pool:
    try:
      for plan in plans:
        count = len(plan['index'])
        images = np.empty((count, *shape), np.uint8)
        step = -(-count // (_JOBS_PER_THREAD * threads))
        jobs = [
          pool.submit(_load_some, load, plan, images, slice(i, i + step))
          for i in range(0, count, step)
        ]
        waiting.append((plan, images, jobs))
        # Small batches: as many as keep all threads at work.
        if len(waiting) > max(_BATCHES_AHEAD, -(-2 * threads // count)):
          yield _finished(*waiting.popleft())
      while waiting:
        yield _finished(*waiting.popleft())
    finally:
      pool.shutdown(cancel_futures=True)


def _load_some(
  load: Callable[[Plan, int, np.ndarray], None],
  plan: Plan,
  images: np.ndarray,
  part: slice,
) -> None:
  for i in range(*part.indices(len(images))):
    load(plan, i, images[i])


def _finished(
  plan: Plan, images: np.ndarray, jobs: list[futures.Future]
) -> tuple[Plan, np.ndarray]:
  for job in jobs:
    job.result()
  return plan, images


def map_ahead(
  function: Callable[[Any], Any], items: Iterable[Any]
) -> Iterator[Any]:
  """Yields the results in order, computed by threads a little ahead."""
  items = iter(items)
  with futures.ThreadPoolExecutor(num_threads()) as pool:
    pending = [
      pool.submit(function, item)
      for item in itertools.islice(items, _LOOK_AHEAD)
    ]
    try:
      while pending:
        yield pending.pop(0).result()
        pending += [
          pool.submit(function, item) for item in itertools.islice(items, 1)
        ]
    finally:
      pool.shutdown(cancel_futures=True)
