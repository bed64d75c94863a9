# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Counts the bytes that a training step must move at least, from its maps.

    python -m benchmarks.traffic_floor --batch=16 --side=480

Three counts are made of the shapes alone, from the strictest to the loosest:

- `by convolution`: each convolution and each of its two gradients reads its
  maps from memory and writes one, with norms, ReLU and sums computed on the
  way. This is how XLA compiles the step.
- `gradients joined`: the two gradients of a convolution share what they read,
  projections are added without being written, and the gradient of a first norm
  is computed as the convolution before it reads it.
- `kept`: each map that the backward pass needs is written once and read once,
  and everything else stays on the chip. No step that computes nothing twice
  moves less.
"""

import argparse
import math

from flax import traverse_util
import jax
import jax.numpy as jnp

from benchmarks import turns
from bit_covid.models import resnet_v2

# What the operations of a unit read and write: those of every unit, those of
# the shortcut of a unit without and with a projection, and those of the norm
# after the last unit. `x` is the unit's input, `y1` and `y2` are what its first
# two convolutions return, `out` is its sum, and `seen` are the pixels of x that
# a projection reads. A gradient has the size of its map.
_OPERATIONS = {
  'by convolution': {
    'forward': ('x y1, y1 y2, y2 out', 'x', 'seen out, out', 'last'),
    'gradients of maps': (
      *('out y2 y2, y2 y2 y1 y1, y1 y1 x x', '', 'out x, x', ''),
    ),
    'gradients of kernels': ('out y2, y2 y2 y1, y1 y1 x', '', 'out seen', ''),
    'gradients of first norms': ('x x x', 'x', '', 'last last'),
  },
  'gradients joined': {
    'forward': ('x y1, y1 y2, y2 out', 'x', 'seen', 'last'),
    'backward': (
      *('x x x, y2 y2, y2 y2 y1 y1, y1 y1 x x', 'x', 'out', 'last last'),
    ),
  },
  'kept': {'inputs of norms': ('x y1 y2, x y1 y2', '', '', 'last last')},
}


def main() -> None:
  """Prints the counts in GB, with and without the padding of a TPU."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--model', default='R50x1', choices=resnet_v2.MODELS)
  parser.add_argument('--batch', type=int, default=16)
  parser.add_argument('--side', type=int, default=480, help='pixels')
  parser.add_argument('--dtype', default='bfloat16')
  turns.add_json_flag(parser)
  flags = parser.parse_args()
  model = resnet_v2.create(
    flags.model, num_classes=3, dtype=jnp.dtype(flags.dtype)
  )
  result = {}
  for lanes in (128, 1):
    found = count(model, batch=flags.batch, side=flags.side, lanes=lanes)
    for name, parts in found.items():
      gigabytes = {part: size / 1e9 for part, size in parts.items()}
      total = {'GB': sum(gigabytes.values())}
      result[f'{name}, {lanes} lanes'] = total | gigabytes
  turns.report(result, flags.json)


def count(
  model: resnet_v2.ResNetV2, *, batch: int, side: int, lanes: int
) -> dict[str, dict[str, int]]:
  """Returns the bytes of each count, by the parts of the step.

  Args:
    model: the network, whose dtype is that of its maps.
    batch: images.
    side: of the images, in pixels.
    lanes: channels are padded to a multiple of it: 128 on a TPU, 1 elsewhere.
  """
  bytes_a_value = jnp.dtype(model.dtype).itemsize
  sizes = {
    name: bytes_a_value * math.prod(rest) * -(-channels // lanes) * lanes
    for name, (*rest, channels) in _shapes(model, batch, side).items()
  }
  units = [x.removesuffix('gn1') for x in sizes if x.endswith('/gn1')]
  pooled = sizes[f'{units[0]}gn1']
  images = 2 * batch * side**2  # One byte each, read forward and backward.
  fixed = {
    'root and pooling': images + 5 * sizes['root'] + 2 * pooled,
    # Parameters and momenta are read and written, float32.
    'update': 16 * resnet_v2.parameter_count(resnet_v2.parameter_shapes(model)),
  }
  # The place of each window's maximum takes a byte.
  kept = {'root and pooling': images + 2 * pooled // bytes_a_value}
  return {
    name: {
      part: sum(_moved(sizes, unit, texts) for unit in units)
      + sizes['norm'] * texts[-1].count('last')
      for part, texts in parts.items()
    }
    | fixed
    | (kept if name == 'kept' else {})
    for name, parts in _OPERATIONS.items()
  }


def _moved(sizes: dict[str, int], unit: str, texts: tuple[str, ...]) -> int:
  """Returns the bytes that operations of a unit move."""
  maps = {'x': 'gn1', 'y1': 'gn2', 'y2': 'gn3', 'out': 'conv3'}
  known = {name: sizes[f'{unit}{layer}'] for name, layer in maps.items()}
  # The second convolution has the stride of the projection.
  known['seen'] = known['x'] * known['y2'] // known['y1']
  shortcut = texts[2] if f'{unit}conv_proj' in sizes else texts[1]
  names = f'{texts[0]} {shortcut}'.replace(',', '').split()
  return sum(known[name] for name in names)


def _shapes(
  model: resnet_v2.ResNetV2, batch: int, side: int
) -> dict[str, tuple[int, ...]]:
  """Returns `[N, H, W, C]` of what each convolution and norm returns, by name.

  A norm returns a map of the shape that it takes.
  """
  _, found = jax.eval_shape(
    lambda params, images: model.apply(
      {'params': params},
      images,
      capture_intermediates=True,
      mutable='intermediates',
    ),
    resnet_v2.parameter_shapes(model),
    jax.ShapeDtypeStruct((batch, side, side, 1), jnp.float32),
  )
  outputs = traverse_util.flatten_dict(found['intermediates'])
  return {
    '/'.join(path[:-1]): output.shape
    for path, (output, *_) in outputs.items()
    if hasattr(output, 'shape') and len(output.shape) == 4
  }


if __name__ == '__main__':
  main()
