# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The forward pass of an evaluation by the engine that `--engine` names."""

from bit_covid.engine import choose
from bit_covid.export import exportable
from bit_covid.inference import evaluate
from bit_covid.weights import bit_npz


def make_forward(
  checkpoint: bit_npz.Checkpoint, engine: str
) -> tuple[evaluate.ForwardFn, dict[str, str]]:
  """Returns the forward pass of `inference.evaluate`, and facts on its engine.

  The facts belong into config.json. JAX, which computes the results of every
  training, has none.

  Args:
    checkpoint: of one network or an ensemble.
    engine: one of `base.arguments.ENGINES`.

  Raises:
    ValueError: the engine cannot compute it, or a package that it needs is not
      installed.
  """
  if engine == 'jax':
    return evaluate.make_forward(checkpoint.create_model()), {}
  made = choose.openvino().OpenVinoEngine(exportable.create(checkpoint))
  return made.forward, {'engine': made.name}
