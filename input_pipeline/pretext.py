# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks for pre-training on slices without their labels, `config.data.task`.

- instances: each slice is a class of its own, as in Exemplar-CNN (Dosovitskiy
  and others 2014). A network learns what a slice keeps when it is cropped,
  mirrored and augmented.
- changes: which of twelve changes was made to a slice. They combine a window
  (as it was, narrow or wide), noise or none, and an upright or upside-down
  slice.
"""

from collections.abc import Callable, Mapping
import dataclasses
import itertools
from typing import Any

import cv2
import numpy as np

from input_pipeline import examples as examples_lib

CLASSES = 'classes'
INSTANCES = 'instances'
CHANGES = 'changes'
TASKS = (CLASSES, INSTANCES, CHANGES)

# Factors of the distance from middle gray. Beyond black and white it is lost,
# as it is by a narrow window of Hounsfield units.
_WINDOWS = {'as it was': 1.0, 'narrow': 1.6, 'wide': 0.6}
# Standard deviations in gray values.
_NOISE = {'clear': 0.0, 'noisy': 12.0}
_TURNS = {'upright': False, 'upside down': True}
_KINDS = tuple(itertools.product(_WINDOWS, _NOISE, _TURNS))
_MIDDLE = 127.5


def restate(
  examples: examples_lib.Examples, task: str
) -> examples_lib.Examples:
  """Returns a split with the labels of a task in place of its own.

  Of N slices, instances have N classes, named by their numbers, so that no name
  of a file reaches a checkpoint. Changes have 12 N slices, without boxes.

  Args:
    examples: the split.
    task: one of `TASKS`; classes leaves the split as it is.
  """
  if task == INSTANCES:
    return _instances(examples)
  if task == CHANGES:
    return _changes(examples)
  return examples


def facts(config: Mapping[str, Any]) -> dict[str, str]:
  """Returns the task that a checkpoint names; nothing if it is a diagnosis.

  Args:
    config: the field `data` of a config; it may lack the field `task`.
  """
  task = config.get('task', CLASSES)
  return {} if task == CLASSES else {'task': task}


def _instances(examples: examples_lib.Examples) -> examples_lib.Examples:
  count = len(examples)
  return dataclasses.replace(
    examples,
    class_names=tuple(str(i) for i in range(count)),
    label=np.arange(count, dtype=np.int32),
  )


def _changes(examples: examples_lib.Examples) -> examples_lib.Examples:
  indices, kinds = np.divmod(
    np.arange(len(examples) * len(_KINDS)), len(_KINDS)
  )
  repeated = examples.take(indices)

  def append(column: np.ndarray) -> np.ndarray:
    return np.array([f'{x}-{k}' for x, k in zip(column, kinds, strict=True)])

  return dataclasses.replace(
    repeated,
    class_names=tuple(', '.join(kind) for kind in _KINDS),
    label=kinds.astype(np.int32),
    box=np.zeros_like(repeated.box),
    slice_id=append(repeated.slice_id),
    digest=append(repeated.digest),
    read=_changed(examples, indices, kinds),
    preparation=None,
  )


def _changed(
  examples: examples_lib.Examples, indices: np.ndarray, kinds: np.ndarray
) -> Callable[[int], bytes]:
  """Returns a function from an index to the PNG of a changed slice."""

  def read(i: int) -> bytes:
    window, noise, turn = _KINDS[kinds[i]]
    image = examples.image(int(indices[i])).astype(np.float32)
    image = _WINDOWS[window] * (image - _MIDDLE) + _MIDDLE
    if deviation := _NOISE[noise]:
      # The same at each reading, as a run that resumes reads it again.
      generator = np.random.default_rng(i)
      image += deviation * generator.standard_normal(image.shape, np.float32)
    if _TURNS[turn]:
      image = image[::-1]
    gray = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    return cv2.imencode('.png', gray)[1].tobytes()

  return read
