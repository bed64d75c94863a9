# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The tiny network in NumPy float64, written apart from `resnet_v2`.

It is as plain as possible. The tests and the benchmark of an accelerator
compare the network with it. The keyword arguments are the mistakes that are
easily made; the tests show that each of them would be seen.
"""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from bit_covid.models import resnet_v2


def random_params(
  model: str, *, num_classes: int = 3, seed: int = 0
) -> dict[str, Any]:
  """Returns parameters of a network whose every value matters, float32.

  Kernels have a standard deviation of 1, for which the epsilons that other
  implementations add to their variance are of no consequence. The head is not
  zero.
  """
  network = resnet_v2.create(model, num_classes=num_classes)
  shapes = resnet_v2.parameter_shapes(network)
  generator = np.random.default_rng(seed)

  def draw(path, leaf):
    name = path[-1].key
    values = generator.standard_normal(leaf.shape, dtype=np.float32)
    if name == 'scale':
      return 1 + 0.1 * values
    if path[0].key == 'head':
      return values / np.float32(np.sqrt(leaf.shape[0]))
    return 0.1 * values if name == 'bias' else values

  return jax.tree_util.tree_map_with_path(draw, shapes)


def _standardize(kernel, epsilon=1e-10):
  kernel = kernel.astype(np.float64)
  mean = kernel.mean((0, 1, 2))
  return (kernel - mean) / np.sqrt(kernel.var((0, 1, 2)) + epsilon)


def _conv(x, kernel, stride=1, padding=(0, 0)):
  kernel = _standardize(kernel)
  size = kernel.shape[0]
  x = np.pad(x, ((0, 0), padding, padding, (0, 0)))
  height = (x.shape[1] - size) // stride + 1
  width = (x.shape[2] - size) // stride + 1
  out = np.zeros((x.shape[0], height, width, kernel.shape[-1]))
  for i in range(size):
    for j in range(size):
      part = x[:, i : i + stride * height : stride]
      part = part[:, :height, j : j + stride * width : stride][:, :, :width]
      out += part @ kernel[i, j]
  return out


def _group_norm(x, params, num_groups=8):
  n, h, w, c = x.shape
  grouped = x.reshape(n, h * w, num_groups, c // num_groups)
  mean = grouped.mean((1, 3), keepdims=True)
  variance = grouped.var((1, 3), keepdims=True)
  normed = ((grouped - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape)
  return normed * params['scale'] + params['bias']


def _max_pool(x, border=0.0):
  x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=border)
  height, width = (x.shape[1] - 3) // 2 + 1, (x.shape[2] - 3) // 2 + 1
  windows = [
    x[:, i : i + 2 * height - 1 : 2, j : j + 2 * width - 1 : 2]
    for i in range(3)
    for j in range(3)
  ]
  return np.max(windows, axis=0)


def _unit(x, params, stride, *, project_from='y', relu_after=False):
  y = np.maximum(_group_norm(x, params['gn1']), 0)
  shortcut = x
  if 'conv_proj' in params:
    source = {'y': y, 'x': x}[project_from]
    shortcut = _conv(source, params['conv_proj']['kernel'], stride)
  y = _conv(y, params['conv1']['kernel'])
  y = np.maximum(_group_norm(y, params['gn2']), 0)
  y = _conv(y, params['conv2']['kernel'], stride, (1, 1))
  y = np.maximum(_group_norm(y, params['gn3']), 0)
  y = _conv(y, params['conv3']['kernel']) + shortcut
  return np.maximum(y, 0) if relu_after else y


def logits(
  params: Mapping[str, Any],
  images: np.ndarray,
  *,
  root_padding: tuple[int, int] = (3, 3),
  pool_border: float = 0.0,
  **unit_mistakes: Any,
) -> np.ndarray:
  """Returns the logits of the tiny network, `[N, C]` float64.

  Args:
    params: its parameter tree.
    images: `[N, H, W, 3]` in [-1, 1].
    root_padding: zeros before and after the rows and columns of the images.
    pool_border: what the root pooling sees outside the map.
    **unit_mistakes: `project_from` and `relu_after` of `_unit`.
  """
  x = images.astype(np.float64)
  x = _conv(x, params['root']['kernel'], 2, root_padding)
  x = _max_pool(x, pool_border)
  for block in range(1, 5):
    stride = 1 if block == 1 else 2
    unit = params[f'block{block}']['unit01']
    x = _unit(x, unit, stride, **unit_mistakes)
  x = np.maximum(_group_norm(x, params['norm']), 0)
  head = params['head']
  return x.mean((1, 2)) @ head['kernel'].astype(np.float64) + head['bias']
