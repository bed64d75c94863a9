# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Arrays and functions on all devices: the only file that knows `pmap`.

Batches are split over the devices; parameters and states are replicated. The
rest of the project calls these functions, so that only this file changes when
`pmap` is replaced.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
import itertools
from typing import Any, TypeVar

import jax
import numpy as np

# All functions share the name of the mapped axis. An array that was replicated
# under another name would make the training step compile a second time.
_AXIS = 'batch'

_T = TypeVar('_T')


def data_parallel(
  fn: Callable[[Any, Any], Any],
  *,
  donate_first: bool = False,
  on_devices: Sequence[jax.Device] | None = None,
) -> Callable[[Any, Any], Any]:
  """Returns `fn(replicated, batch)`, compiled to run on all devices at once.

  Each device calls `fn` with the replicated tree and its own part of the batch,
  whose leaves are `[local_devices, per_device, ...]`. `fn` must return the same
  on every device, by `mean_over_devices` or `gather_from_devices`; the first
  device's result is taken without a check.

  Args:
    fn: a function of a replicated tree and of one device's part of a batch.
    donate_first: whether the memory of the first argument is used again for
      the result, so that the argument cannot be used afterwards.
    on_devices: the devices to compile for; None means all. The function can be
      compiled, but not run, for devices of a machine that is not attached.
  """
  return jax.pmap(
    fn,
    axis_name=_AXIS,
    in_axes=(None, 0),
    out_axes=None,
    donate_argnums=0 if donate_first else (),
    devices=on_devices,
  )


def mean_over_devices(tree: _T) -> _T:
  """Returns the mean of each leaf over all devices, inside `data_parallel`."""
  if jax.lax.axis_size(_AXIS) == 1:
    # On a CPU XLA would copy every leaf once more, in a single thread.
    return tree
  return jax.lax.pmean(tree, _AXIS)


def gather_from_devices(tree: Any) -> Any:
  """Returns the leaves of all devices, inside `data_parallel`.

  A leaf `[...]` of each device becomes `[devices, ...]`.
  """
  return jax.lax.all_gather(tree, _AXIS)


def shard(batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Returns this host's batch as `[local_devices, per_device, ...]`."""
  count = jax.local_device_count()
  return {
    key: value.reshape(count, len(value) // count, *value.shape[1:])
    for key, value in batch.items()
  }


def prefetch_to_device(
  batches: Iterable[Mapping[str, np.ndarray]],
) -> Iterator[dict[str, jax.Array]]:
  """Returns an iterator over the batches, sharded on this host's devices.

  The next batch is transferred while the present one is used, also when the
  loop stops to wait for a result. `flax.jax_utils.prefetch_to_device` would
  copy each batch once more on the host.
  """
  mesh = jax.sharding.Mesh(np.array(jax.local_devices()), (_AXIS,))
  # The sharding that pmap expects, which then has nothing left to move.
  sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(_AXIS))
  return one_ahead(jax.device_put(shard(batch), sharding) for batch in batches)


def one_ahead(items: Iterable[_T]) -> Iterator[_T]:
  """Yields the items; each is yielded after the next one has been asked for."""
  for item, _ in itertools.pairwise(itertools.chain(items, [None])):
    yield item


def replicate(tree: _T) -> _T:
  """Returns the tree with each leaf on all devices, as `data_parallel` does."""
  # pmap needs a second argument to map over.
  copy = data_parallel(lambda leaves, _: leaves)
  return copy(tree, np.zeros(jax.local_device_count()))


def to_host(tree: Any) -> Any:
  """Returns a replicated tree as NumPy arrays, without asking other hosts."""
  return jax.tree.map(lambda x: np.asarray(x.addressable_shards[0].data), tree)


def check_divides(name: str, batch: int, *, accumulation: int = 1) -> None:
  """Checks that a batch of all devices divides by devices and accumulation.

  Raises:
    ValueError: it does not divide.
  """
  count = jax.device_count()
  if batch < 1 or batch % (count * accumulation):
    parts = f' times {accumulation} parts of accumulation'
    raise ValueError(
      f'{name}={batch} does not divide by {count} devices'
      f'{parts if accumulation > 1 else ""}. Choose a multiple of '
      f'{count * accumulation}.'
    )
