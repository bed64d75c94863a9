# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Arrays on many devices: batches are split, states are replicated."""

from collections.abc import Iterable, Iterator, Mapping
import hashlib
from typing import Any, TypeVar

import jax
from jax.experimental import multihost_utils
import numpy as np

# The name of pmap's axis, the same everywhere: what one pmap has replicated is
# taken as it is by another of the same axis name. For an array of another name
# the whole step would be compiled anew.
AXIS = 'batch'

_Tree = TypeVar('_Tree')


def shard(batch: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  """Returns this host's batch with leaves `[devices, per_device, ...]`."""
  devices = jax.local_device_count()
  return {
    key: value.reshape(devices, len(value) // devices, *value.shape[1:])
    for key, value in batch.items()
  }


def put_ahead(
  batches: Iterable[Mapping[str, np.ndarray]],
) -> Iterator[dict[str, jax.Array]]:
  """Yields the batches of `shard` on this host's devices, one ahead.

  While a batch is used the next is already on its way, also where the loop
  stops to wait for a result. Of each pixel a byte is sent: 230,413 bytes for a
  slice of 480 x 480 with its label, mask and index.
  """
  mesh = jax.sharding.Mesh(np.array(jax.local_devices()), (AXIS,))
  # As pmap wants it, which then has nothing left to move.
  sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(AXIS))
  waiting = None
  for batch in batches:
    put = jax.device_put(shard(batch), sharding)
    if waiting is not None:
      yield waiting
    waiting = put
  if waiting is not None:
    yield waiting


def replicate(tree: _Tree) -> _Tree:
  """Returns the tree with each leaf on all devices, as a pmap returns it."""
  # pmap wants something to map over.
  return jax.pmap(
    lambda x, _: x, axis_name=AXIS, in_axes=(None, 0), out_axes=None
  )(tree, np.zeros(jax.local_device_count()))


def to_host(tree: Any) -> Any:
  """Returns a replicated tree as NumPy arrays, without asking other hosts."""
  return jax.tree.map(lambda x: np.asarray(x.addressable_shards[0].data), tree)


def check_same_on_all_hosts(text: str, name: str) -> None:
  """Raises ValueError, on every host, unless all hosts have the same text."""
  if jax.process_count() == 1:
    return
  digest = np.frombuffer(hashlib.sha256(text.encode()).digest(), np.uint8)
  digests = multihost_utils.process_allgather(digest)
  if (digests != digests[0]).any():
    raise ValueError(
      f'{name} differ between the hosts. Give each the same command, code and '
      'data.'
    )


def check_divides(name: str, batch: int, *, accumulation: int = 1) -> None:
  """Raises ValueError unless the batch divides by devices and accumulation."""
  devices = jax.device_count()
  if batch < 1 or batch % (devices * accumulation):
    raise ValueError(
      f'{name}={batch} does not divide by {devices} devices times '
      f'{accumulation} parts of accumulation. Choose a multiple of '
      f'{devices * accumulation}.'
    )
