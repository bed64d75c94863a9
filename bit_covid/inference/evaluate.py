# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Exact evaluation: every slice of a split once, whatever batch and devices.

BiT's own evaluation drops the last, partial batch; here it is filled up and
the filling masked.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
import contextlib
import dataclasses
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np

from bit_covid.base import devices
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
import input_pipeline


class Prepared(NamedTuple):
  """Parameters whose kernels are standardized.

  A type of its own: with others the network would compute something else, and
  say nothing.
  """

  params: Mapping[str, Any]


ForwardFn = Callable[[Prepared, Mapping[str, Any]], Mapping[str, jax.Array]]


@dataclasses.dataclass(frozen=True)
class Outputs:
  """What a network makes of a split, in the order of the split.

  Attributes:
    logits: `[N, C]` float32.
    features: `[N, F]` float32, before the head.
  """

  logits: np.ndarray
  features: np.ndarray

  @property
  def probabilities(self) -> np.ndarray:
    """Softmax of the logits, `[N, C]` float64."""
    logits = self.logits.astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def make_forward(model: resnet_v2.ResNetV2) -> ForwardFn:
  """Returns `forward(prepared, batch)`, compiled for all devices of all hosts.

  The parameters are those that `prepare` returns, once for all batches.
  The leaves of the batch are `[devices, per_device, ...]`, of this host's
  devices. The results, `logits`, `features`, `mask` and `index`, are
  `[all devices, per_device, ...]`, and every host has all of them.
  """
  model = model.clone(kernels_prestandardized=True)

  def forward(prepared, batch):
    images = normalize.to_model_range(batch['image'])
    logits, intermediates = model.apply({'params': prepared.params}, images)
    outputs = {
      'logits': logits,
      'features': intermediates['features'],
      'mask': batch['mask'],
      'index': batch['index'],
    }
    return jax.lax.all_gather(outputs, devices.AXIS)

  return jax.pmap(
    forward, axis_name=devices.AXIS, in_axes=(None, 0), out_axes=None
  )


@jax.jit
def prepare(params: Mapping[str, Any]) -> Prepared:
  """Returns the parameters as a forward takes them, replicated as they are.

  Standardizing the kernels of R50x1 takes 33 ms of a CPU's time, and an
  evaluation has thousands of batches.
  """
  return Prepared(resnet_v2.standardize_kernels(params))


def evaluate(
  forward: ForwardFn,
  params: Mapping[str, Any],
  examples: input_pipeline.Examples,
  config: ml_collections.ConfigDict,
  *,
  batch: int,
  on_batch: Callable[[], None] = lambda: None,
) -> Outputs:
  """Returns logits and features of every slice of a split.

  Args:
    forward: of `make_forward`.
    params: parameter tree, replicated.
    examples: the split.
    config: the field `data` of a config.
    batch: slices a step over all devices of all hosts; the last one may be
      partial.
    on_batch: is called after each step, for a progress bar.

  Raises:
    ValueError: the batch does not divide by the devices.
    RuntimeError: a slice was not met exactly once.
  """
  devices.check_divides('config.eval_batch', batch)
  dataset = input_pipeline.evaluation_batches(
    examples,
    config,
    batch=batch,
    host=jax.process_index(),
    num_hosts=jax.process_count(),
  )
  parts = []
  with contextlib.closing(input_pipeline.as_numpy(dataset)) as batches:
    for outputs in _run(forward, prepare(params), batches):
      parts.append(jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), outputs))
      on_batch()
  joined = {
    key: np.concatenate([part[key] for part in parts]) for key in parts[0]
  }
  kept = joined['mask']
  index = joined['index'][kept]
  if not np.array_equal(np.sort(index), np.arange(len(examples))):
    raise RuntimeError(
      f'{len(examples)} slices should have been evaluated once each; '
      f'{len(index)} were, {len(np.unique(index))} of them different ones.'
    )
  order = np.argsort(index)
  return Outputs(
    logits=joined['logits'][kept][order],
    features=joined['features'][kept][order],
  )


def _run(
  forward: ForwardFn,
  params: Mapping[str, Any],
  batches: Iterable[input_pipeline.Batch],
) -> Iterator[Mapping[str, np.ndarray]]:
  """Yields what the network makes of each batch, as NumPy arrays."""
  waiting = None
  for batch in devices.put_ahead(batches):
    outputs = forward(params, batch)
    # The devices have the next batch to work on before they are waited for.
    if waiting is not None:
      yield devices.to_host(waiting)
    waiting = outputs
  if waiting is not None:
    yield devices.to_host(waiting)


def accuracy_and_loss(
  outputs: Outputs, label: np.ndarray
) -> tuple[float, float]:
  """Returns accuracy and mean cross-entropy, computed in float64."""
  probabilities = outputs.probabilities
  accuracy = np.mean(probabilities.argmax(axis=1) == label)
  # From the logits: the logarithm of a probability that is 0 would be -inf.
  logits = outputs.logits.astype(np.float64)
  largest = logits.max(axis=1)
  log_sum = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
  loss = np.mean(log_sum - logits[np.arange(len(label)), label])
  return float(accuracy), float(loss)
