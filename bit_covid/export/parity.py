# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Compares a written export with the original network."""

from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from bit_covid.export import exportable

OUTPUTS = ('logits', 'probabilities', 'features')

# Far above what another order of float32 sums changes, and far below the effect
# of an error in the graph (an epsilon, a padding, a window).
TOLERANCE = 1e-4

# Two sizes, to test that the exported batch size is symbolic.
BATCHES = (1, 3)

_SEED = 0

ExportedFn = Callable[[np.ndarray], Mapping[str, np.ndarray]]


def original(model: exportable.Exportable) -> ExportedFn:
  """Returns the network in this process as a function of NumPy images."""
  forward = jax.jit(model.apply)

  def run(image: np.ndarray) -> Mapping[str, np.ndarray]:
    return jax.device_get(forward(model.params, image))

  return run


def random_images(size: int) -> list[np.ndarray]:
  """Returns a batch of `[N, size, size, 1]` uint8 for each N of `BATCHES`."""
  generator = np.random.default_rng(_SEED)
  return [
    generator.integers(0, 256, (n, size, size, 1), np.uint8) for n in BATCHES
  ]


def difference(
  actual: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]
) -> float:
  """Returns the largest absolute difference of any output.

  For an output with values beyond 1 it is relative to the largest of them. A
  value that is not finite, or a wrong shape, gives infinity.
  """
  largest = 0.0
  for name in OUTPUTS:
    values, wanted = np.asarray(actual[name]), np.asarray(expected[name])
    if values.shape != wanted.shape or not np.isfinite(values).all():
      return float('inf')
    scale = max(1.0, float(np.abs(wanted).max()))
    largest = max(largest, float(np.abs(values - wanted).max()) / scale)
  return largest


def check(
  name: str,
  *,
  exported: ExportedFn,
  expected: ExportedFn,
  batches: Sequence[np.ndarray],
) -> dict[str, float]:
  """Returns the difference of the two functions by number of images.

  Args:
    name: of the format, for messages.
    exported: the export, read from its files.
    expected: of `original`.
    batches: of `random_images`.

  Raises:
    ValueError: a difference is above `TOLERANCE`.
  """
  differences = {}
  for image in batches:
    value = difference(exported(image), expected(image))
    if not value <= TOLERANCE:
      raise ValueError(
        f'{name}: on {len(image)} images the export differs from the original '
        f'by {value:.2g}; expected {TOLERANCE:g} at most. Nothing of it was '
        'kept. Try other versions of the runtime.'
      )
    differences[str(len(image))] = value
  return differences
