# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The network as an ONNX graph, built node by node.

It is not traced with jax2onnx, whose version 0.17 requires an older Orbax than
this project. The graph consists of ordinary operators, which every runtime has.
Kernels are standardized before they are stored.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper
from onnx import numpy_helper

from bit_covid.export import exportable
from bit_covid.models import resnet_v2

# Of 2021, so that every current runtime reads it.
_OPSET = 17


class _Builder:
  """Collects nodes and constants; methods return the name of a new value."""

  def __init__(self, num_groups: int):
    self.nodes: list[onnx.NodeProto] = []
    self.constants: dict[str, onnx.TensorProto] = {}
    self._num_groups = num_groups
    # InstanceNormalization requires a scale and a bias; these change nothing.
    self._ones = self.constant('norm/ones', np.ones(num_groups, np.float32))
    self._zeros = self.constant('norm/zeros', np.zeros(num_groups, np.float32))

  def constant(self, name: str, value: np.ndarray) -> str:
    self.constants[name] = numpy_helper.from_array(value, name)
    return name

  def integers(self, name: str, *values: int) -> str:
    return self.constant(name, np.array(values, np.int64))

  def add(self, kind: str, *inputs: str, name: str, **attributes: Any) -> str:
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
      kernel = _standardize(params[which]['kernel'])
      return self.conv(x, kernel, name=f'{name}/{which}', stride=stride)

    y = norm_relu(x, 'gn1')
    shortcut = conv(y, 'conv_proj', stride) if 'conv_proj' in params else x
    y = norm_relu(conv(y, 'conv1'), 'gn2')
    y = conv(y, 'conv2', stride)
    side = -(-side // stride)
    y = conv(norm_relu(y, 'gn3'), 'conv3')
    return self.add('Add', y, shortcut, name=f'{name}/sum'), side


def build(model: exportable.Exportable) -> onnx.ModelProto:
  """Returns the graph from `image` to logits, probabilities and features."""
  params = model.params
  size = resnet_v2.MODELS[model.model_name]
  builder = _Builder(size.num_groups)
  x, side = _root(builder, params, model.size)
  for i, num_units in enumerate(size.block_units):
    for j in range(num_units):
      block, unit = f'block{i + 1}', f'unit{j + 1:02d}'
      x, side = builder.unit(
        x,
        params[block][unit],
        name=f'{block}/{unit}',
        side=side,
        stride=2 if i > 0 and j == 0 else 1,
      )
  x = builder.norm_relu(x, params['norm'], name='norm', side=side)
  x = builder.add('GlobalAveragePool', x, name='mean')
  features = builder.add('Flatten', x, name='features')
  logits = builder.add(
    'Gemm',
    features,
    builder.constant('head/kernel', np.asarray(params['head']['kernel'])),
    builder.constant('head/bias', np.asarray(params['head']['bias'])),
    name='logits',
  )
  temperature = builder.constant('temperature', np.float32(model.temperature))
  x = builder.add('Div', logits, temperature, name='calibrated')
  builder.add('Softmax', x, name='probabilities', axis=-1)
  num_classes = len(model.metadata.class_names)
  outputs = {
    'logits': num_classes,
    'probabilities': num_classes,
    'features': size.num_features,
  }
  return _to_model(builder, side=model.size, outputs=outputs)


def _root(
  builder: _Builder, params: Mapping[str, Any], side: int
) -> tuple[str, int]:
  """Returns the output of the root block, and its side."""
  # With one channel, [N, S, S, 1] and [N, 1, S, S] have the same memory layout.
  shape = builder.integers('root/shape', 0, 1, side, side)
  x = builder.add('Reshape', 'image', shape, name='root/to_channels')
  x = builder.add('Cast', x, name='root/float', to=onnx.TensorProto.FLOAT)
  half = builder.constant('root/half', np.float32(127.5))
  x = builder.add('Sub', x, half, name='root/centered')
  x = builder.add('Div', x, half, name='root/in_range')
  # One gray channel stands for three equal ones.
  kernel = _standardize(params['root']['kernel']).sum(axis=2, keepdims=True)
  x = builder.conv(x, kernel, name='root', stride=2)
  # Padded with zeros as in BiT; MaxPool itself would pad with -inf.
  pads = builder.integers('root/pads', 0, 0, 1, 1, 0, 0, 1, 1)
  x = builder.add('Pad', x, pads, name='root/padded')
  x = builder.add(
    'MaxPool', x, name='root/pooled', kernel_shape=[3, 3], strides=[2, 2]
  )
  side = -(-side // 2)
  return x, -(-side // 2)


def _standardize(kernel: Any) -> np.ndarray:
  """Returns the kernel with weight standardization applied, in float64."""
  kernel = np.asarray(kernel, np.float64)
  axes = (0, 1, 2)
  mean = kernel.mean(axes, keepdims=True)
  return (kernel - mean) / np.sqrt(kernel.var(axes, keepdims=True) + 1e-10)


def _to_model(
  builder: _Builder, *, side: int, outputs: Mapping[str, int]
) -> onnx.ModelProto:
  value, kinds = helper.make_tensor_value_info, onnx.TensorProto
  graph = helper.make_graph(
    builder.nodes,
    'bit_covid',
    [value('image', kinds.UINT8, ['N', side, side, 1])],
    [value(name, kinds.FLOAT, ['N', n]) for name, n in outputs.items()],
    list(builder.constants.values()),
  )
  return helper.make_model(
    graph,
    producer_name='bit_covid',
    opset_imports=[helper.make_opsetid('', _OPSET)],
    # onnx writes its newest by default, which older runtimes refuse.
    ir_version=8,
  )
