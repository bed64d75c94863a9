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

# Numbers of images: two, to test that the exported batch size is symbolic.
_BATCHES = (1, 3)
_SEED = 0

Outputs = Mapping[str, np.ndarray]
ExportedFn = Callable[[np.ndarray], Outputs]


def original(model: exportable.Exportable) -> ExportedFn:
  """Returns the network in this process as a function of NumPy images."""
  forward = jax.jit(model.apply)
  return lambda image: jax.device_get(forward(model.params, image))


def cases(model: exportable.Exportable) -> list[tuple[np.ndarray, Outputs]]:
  """Returns batches of random images, each with the outputs of the original."""
  generator = np.random.default_rng(_SEED)
  run = original(model)
  shape = (model.size, model.size, 1)
  batches = [
    generator.integers(0, 256, (n, *shape), np.uint8) for n in _BATCHES
  ]
  return [(image, run(image)) for image in batches]


def difference(actual: Outputs, expected: Outputs) -> float:
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
  exported: ExportedFn,
  expected: Sequence[tuple[np.ndarray, Outputs]],
) -> dict[str, float]:
  """Returns the difference from the original by number of images.

  Args:
    name: of the format, for messages.
    exported: the export, read from its files.
    expected: of `cases`.

  Raises:
    ValueError: a difference is above `TOLERANCE`.
  """
  differences = {}
  for image, outputs in expected:
    value = difference(exported(image), outputs)
    if not value <= TOLERANCE:
      raise ValueError(
        f'{name}: on {len(image)} images the export differs from the original '
        f'by {value:.2g}; expected {TOLERANCE:g} at most. Nothing of it was '
        'kept. Try other versions of the runtime.'
      )
    differences[str(len(image))] = value
  return differences
