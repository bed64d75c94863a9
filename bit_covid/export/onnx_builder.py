# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The parts of the network as nodes of an ONNX graph."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper
from onnx import numpy_helper


class Builder:
  """Collects nodes and constants; methods return the name of a new value.

  The names of nodes begin with `pass_prefix` and those of constants with
  `network_prefix`, so that two passes of a network share its constants.
  """

  def __init__(self):
    self.nodes: list[onnx.NodeProto] = []
    self.constants: dict[str, onnx.TensorProto] = {}
    self.pass_prefix = self.network_prefix = ''

  def constant(self, name: str, value: np.ndarray) -> str:
    """Returns the name of a new constant."""
    name = self.network_prefix + name
    self.constants[name] = numpy_helper.from_array(value, name)
    return name

  def use_groups(self, count: int) -> None:
    """Sets the number of groups of the norms that are added from now on."""
    self._num_groups = count
    # InstanceNormalization requires a scale and a bias; these change nothing.
    self._ones = self.constant('norm/ones', np.ones(count, np.float32))
    self._zeros = self.constant('norm/zeros', np.zeros(count, np.float32))

  def integers(self, name: str, *values: int) -> str:
    """Returns the name of a new constant, int64."""
    return self.constant(name, np.array(values, np.int64))

  def add(self, kind: str, *inputs: str, name: str, **attributes: Any) -> str:
    """Returns the name of the output of a new node."""
    name = self.pass_prefix + name
    node = helper.make_node(kind, inputs, [name], name=name, **attributes)
    self.nodes.append(node)
    return name

  def conv(
    self, x: str, kernel: np.ndarray, *, name: str, stride: int = 1
  ) -> str:
    """Returns a new 'SAME' convolution with a kernel `[h, w, in, out]`."""
    side = kernel.shape[0]
    weight = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1), np.float32)
    return self.add(
      'Conv',
      x,
      self.constant(f'{name}/kernel', weight),
      name=name,
      kernel_shape=[side, side],
      strides=[stride, stride],
      pads=[side // 2] * 4,
    )

  def mirrored(self, x: str, *, name: str) -> str:
    """Returns `[N, C, h, w]` with the order of its columns reversed."""
    last, end, axis, step = (
      self.integers(f'{name}/{key}', value)
      for key, value in (
        ('last', -1),
        ('end', np.iinfo(np.int64).min),
        ('axis', 3),
        ('step', -1),
      )
    )
    return self.add('Slice', x, last, end, axis, step, name=name)

  def norm_relu(
    self, x: str, params: Mapping[str, Any], *, name: str, side: int
  ) -> str:
    """Returns new GroupNorm and ReLU of `[N, C, side, side]`."""
    scale, bias = np.asarray(params['scale']), np.asarray(params['bias'])
    # Each group becomes one channel of InstanceNormalization, as the operator
    # GroupNormalization changed its meaning between opsets 18 and 21.
    grouped = self.integers(f'{name}/grouped', 0, self._num_groups, -1)
    x = self.add('Reshape', x, grouped, name=f'{name}/to_groups')
    x = self.add(
      'InstanceNormalization',
      x,
      self._ones,
      self._zeros,
      name=f'{name}/normalize',
      epsilon=1e-5,
    )
    shape = self.integers(f'{name}/shape', 0, scale.size, side, side)
    x = self.add('Reshape', x, shape, name=f'{name}/to_channels')
    scale = self.constant(f'{name}/scale', scale.reshape(1, -1, 1, 1))
    x = self.add('Mul', x, scale, name=f'{name}/scaled')
    bias = self.constant(f'{name}/bias', bias.reshape(1, -1, 1, 1))
    x = self.add('Add', x, bias, name=f'{name}/shifted')
    return self.add('Relu', x, name=f'{name}/relu')

  def unit(
    self,
    x: str,
    params: Mapping[str, Any],
    *,
    name: str,
    side: int,
    stride: int,
  ) -> tuple[str, int]:
    """Returns the output of a new bottleneck unit, and its side."""

    def norm_relu(x: str, which: str) -> str:
      return self.norm_relu(x, params[which], name=f'{name}/{which}', side=side)

    def conv(x: str, which: str, stride: int = 1) -> str:
      kernel = standardize(params[which]['kernel'])
      return self.conv(x, kernel, name=f'{name}/{which}', stride=stride)

    y = norm_relu(x, 'gn1')
    shortcut = conv(y, 'conv_proj', stride) if 'conv_proj' in params else x
    y = norm_relu(conv(y, 'conv1'), 'gn2')
    y = conv(y, 'conv2', stride)
    side = -(-side // stride)
    y = conv(norm_relu(y, 'gn3'), 'conv3')
    return self.add('Add', y, shortcut, name=f'{name}/sum'), side


def standardize(kernel: Any) -> np.ndarray:
  """Returns the kernel with weight standardization applied, in float64."""
  kernel = np.asarray(kernel, np.float64)
  axes = (0, 1, 2)
  mean = kernel.mean(axes, keepdims=True)
  return (kernel - mean) / np.sqrt(kernel.var(axes, keepdims=True) + 1e-10)
