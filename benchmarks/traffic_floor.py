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
from collections.abc import Mapping
import math

from flax import traverse_util
import jax
import jax.numpy as jnp

from benchmarks import turns
from bit_covid.models import resnet_v2


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
    for name, parts in count(
      model, batch=flags.batch, side=flags.side, lanes=lanes
    ).items():
      row = {part: num_bytes / 1e9 for part, num_bytes in parts.items()}
      result[f'{name}, {lanes} lanes'] = {'GB': sum(row.values()), **row}
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
  shapes = layer_shapes(model, batch=batch, side=side)
  sizes = {
    name: math.prod(shape[:-1])
    * -(-shape[-1] // lanes)
    * lanes
    * jnp.dtype(model.dtype).itemsize
    for name, shape in shapes.items()
  }
  # Parameters and momenta are read and written, float32.
  parameters = resnet_v2.parameter_shapes(model)
  update = {'update': 16 * resnet_v2.parameter_count(parameters)}
  images = batch * side**2  # One byte each, read forward and backward.
  units = [
    _Unit(name.removesuffix('gn1'), sizes)
    for name in sizes
    if name.endswith('/gn1')
  ]
  # The last norm reads its map forward and backward, and writes the gradient.
  root, pooled, last = sizes['root'], units[0].x, sizes['norm']
  root_bytes = 2 * images + 5 * root + 2 * pooled
  return {
    'by convolution': {
      'forward': sum(unit.forward(joined=False) for unit in units) + last,
      'gradients of maps': sum(unit.map_gradients() for unit in units),
      'gradients of kernels': sum(unit.kernel_gradients() for unit in units),
      'gradients of first norms': sum(unit.norm_gradient() for unit in units)
      + 2 * last,
      'root and pooling': root_bytes,
      **update,
    },
    'gradients joined': {
      'forward': sum(unit.forward(joined=True) for unit in units) + last,
      'backward': sum(unit.joined_gradients() for unit in units) + 2 * last,
      'root and pooling': root_bytes,
      **update,
    },
    'kept': {
      'inputs of norms': 2 * (sum(unit.kept for unit in units) + last),
      # The place of each window's maximum takes a byte.
      'images and pooling': 2 * images
      + 2 * pooled // jnp.dtype(model.dtype).itemsize,
      **update,
    },
  }


def layer_shapes(
  model: resnet_v2.ResNetV2, *, batch: int, side: int
) -> dict[str, tuple[int, ...]]:
  """Returns `[N, H, W, C]` of what each convolution and norm returns, by name.

  A norm returns a map of the shape that it takes.
  """
  images = jax.ShapeDtypeStruct((batch, side, side, 1), jnp.float32)

  def outputs(params, images):
    _, collected = model.apply(
      {'params': params},
      images,
      capture_intermediates=True,
      mutable='intermediates',
    )
    return collected['intermediates']

  found = jax.eval_shape(outputs, resnet_v2.parameter_shapes(model), images)
  return {
    '/'.join(path[:-1]): value.shape
    for path, (value, *_) in traverse_util.flatten_dict(found).items()
    if hasattr(value, 'shape') and len(value.shape) == 4
  }


class _Unit:
  """The bytes of a unit's maps, and what each part of the step moves of them.

  `x` is its input, `y1` and `y2` are what its first two convolutions return,
  and `out` is its sum. Of the input, a projection reads every pixel or, at
  stride 2, every fourth one.
  """

  def __init__(self, name: str, sizes: Mapping[str, int]):
    self.x, self.y1, self.y2 = (sizes[f'{name}gn{i}'] for i in (1, 2, 3))
    self.out = sizes[f'{name}conv3']
    self._projects = f'{name}conv_proj' in sizes
    # The second convolution has the stride of the projection.
    self._seen = self.x * self.y2 // self.y1
    self.kept = self.x + self.y1 + self.y2

  def forward(self, *, joined: bool) -> int:
    through = self.x + 2 * self.y1 + 2 * self.y2 + self.out
    if not self._projects:
      return through + self.x
    return through + self._seen + (0 if joined else 2 * self.out)

  def map_gradients(self) -> int:
    third = self.out + 2 * self.y2
    second = 2 * self.y2 + 2 * self.y1
    first = 2 * self.y1 + 2 * self.x
    # What comes through the projection is written, and then added.
    projection = self.out + 2 * self.x if self._projects else 0
    return third + second + first + projection

  def kernel_gradients(self) -> int:
    third = self.out + self.y2
    second = 2 * self.y2 + self.y1
    first = 2 * self.y1 + self.x
    projection = self.out + self._seen if self._projects else 0
    return third + second + first + projection

  def norm_gradient(self) -> int:
    return 3 * self.x + (0 if self._projects else self.x)

  def joined_gradients(self) -> int:
    # The third convolution reads its gradient while that is written.
    third = 2 * self.y2
    second = 2 * self.y2 + 2 * self.y1
    first = 2 * self.y1 + 2 * self.x + (self.out if self._projects else 0)
    return third + second + first + self.norm_gradient()


if __name__ == '__main__':
  main()
