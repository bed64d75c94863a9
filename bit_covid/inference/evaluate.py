# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exact evaluation: every slice of a split counts once, for any batch size.

BiT drops the last, partial batch. Here it is padded, and the padding is masked.
"""

from collections.abc import Callable, Mapping, Sequence
import contextlib
import dataclasses
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np
import scipy.special

from bit_covid.base import devices
from bit_covid.models import ensemble
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
import input_pipeline


class StandardizedParams(NamedTuple):
  """Parameters whose kernels are standardized already, by `standardize`.

  This is a type of its own because with other parameters a forward pass would
  return wrong logits without an error.
  """

  params: Mapping[str, Any]


ForwardFn = Callable[
  [StandardizedParams, Mapping[str, Any]], Mapping[str, jax.Array]
]


@dataclasses.dataclass(frozen=True)
class Outputs:
  """The outputs of a network for the N slices of a split, in its order.

  The logits are `[N, C]`, and the features, the input of the head, `[N, F]`;
  both are float32.
  """

  logits: np.ndarray
  features: np.ndarray

  @property
  def probabilities(self) -> np.ndarray:
    """Softmax of the logits, `[N, C]` float64."""
    return scipy.special.softmax(self.logits.astype(np.float64), axis=1)


def make_forward(model: ensemble.Model) -> ForwardFn:
  """Returns `forward(standardized, batch)`, compiled for all devices.

  Leaves of the batch are `[local_devices, per_device, ...]`. The result has
  `logits`, `features`, `mask` and `index`, each `[devices, per_device, ...]`,
  complete on every host.
  """
  model = ensemble.prestandardized(model)

  def forward(standardized, batch):
    images = normalize.to_model_range(batch['image'])
    logits, intermediates = model.apply({'params': standardized.params}, images)
    outputs = {
      'logits': logits,
      'features': intermediates['features'],
      'mask': batch['mask'],
      'index': batch['index'],
    }
    return devices.gather_from_devices(outputs)

  return devices.data_parallel(forward)


@jax.jit
def standardize(params: Mapping[str, Any]) -> StandardizedParams:
  """Returns replicated parameters with standardized kernels, for a forward.

  They are standardized once, instead of in each of the thousands of batches of
  an evaluation.
  """
  return StandardizedParams(resnet_v2.standardize_kernels(params))


def evaluate(
  forward: ForwardFn,
  params: Mapping[str, Any],
  examples: input_pipeline.Examples,
  data_config: ml_collections.ConfigDict,
  *,
  batch: int,
  on_batch: Callable[[], None] = lambda: None,
) -> Outputs:
  """Returns the logits and features of every slice of a split.

  The parameters are replicated. `batch` counts the slices of a step over all
  devices of all hosts; after each step, `on_batch` is called.

  Raises:
    ValueError: the batch does not divide by the number of devices.
    RuntimeError: a slice was missing, or was evaluated more than once.
  """
  devices.check_divides('config.eval_batch', batch)
  dataset = input_pipeline.evaluation_batches(
    examples,
    data_config,
    batch=batch,
    host=jax.process_index(),
    num_hosts=jax.process_count(),
  )
  parts = []
  with contextlib.closing(input_pipeline.as_numpy(dataset)) as batches:
    params = standardize(params)
    outputs = (forward(params, x) for x in devices.prefetch_to_device(batches))
    # The devices get their next batch before the host waits for this one.
    for part in devices.one_ahead(outputs):
      parts.append(devices.to_host(part))
      on_batch()
  return _in_order(parts, len(examples))


def _in_order(parts: Sequence[Mapping[str, np.ndarray]], count: int) -> Outputs:
  # Without padding, and sorted by index.
  # A leaf is `[devices, per_device, ...]`.
  joined = {
    key: np.concatenate([x for part in parts for x in part[key]])
    for key in parts[0]
  }
  kept = joined['mask']
  index = joined['index'][kept]
  if not np.array_equal(np.sort(index), np.arange(count)):
    raise RuntimeError(
      f'{count} slices should have been evaluated once each; '
      f'{len(index)} were, {len(np.unique(index))} of them different ones.'
    )
  order = np.argsort(index)
  return Outputs(
    logits=joined['logits'][kept][order],
    features=joined['features'][kept][order],
  )


def accuracy_and_loss(
  outputs: Outputs, label: np.ndarray
) -> tuple[float, float]:
  """Returns accuracy and mean cross-entropy, computed in float64.

  All labels are known.
  """
  probabilities = outputs.probabilities
  accuracy = np.mean(probabilities.argmax(axis=1) == label)
  # From the logits, as the logarithm of a probability can be -inf. Newer
  # versions of `scipy.special.logsumexp` round differently.
  logits = outputs.logits.astype(np.float64)
  largest = logits.max(axis=1)
  log_sum = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
  loss = np.mean(log_sum - logits[np.arange(len(label)), label])
  return float(accuracy), float(loss)
