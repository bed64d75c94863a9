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

from bit_covid.export import exportable
from bit_covid.export import onnx_builder
from bit_covid.models import ensemble
from bit_covid.models import resnet_v2

# Of 2021, so that every current runtime reads it.
_OPSET = 17


def build(
  model: exportable.Exportable, *, with_feature_map: bool = False
) -> onnx.ModelProto:
  """Returns the graph from `image` to logits, probabilities and features.

  Args:
    model: one network or an ensemble.
    with_feature_map: whether the last output is the last feature map, after the
      norm and ReLU, `[N, F, h, w]`, of which the features are the means. Of an
      ensemble, there is none.
  """
  builder = onnx_builder.Builder()
  if isinstance(model.model, ensemble.Ensemble):
    _ensemble(builder, model.model, model.params, model.size)
  else:
    _network(builder, model.model, model.params, model.size)
  temperature = builder.constant('temperature', np.float32(model.temperature))
  x = builder.add('Div', 'logits', temperature, name='calibrated')
  builder.add('Softmax', x, name='probabilities', axis=-1)
  num_classes = len(model.metadata.class_names)
  outputs = {
    'logits': num_classes,
    'probabilities': num_classes,
    'features': ensemble.first(model.model).size.num_features,
  }
  shapes = {name: ['N', n] for name, n in outputs.items()}
  if with_feature_map:
    builder.add('Identity', 'norm/relu', name='feature_map')
    shapes['feature_map'] = ['N', outputs['features'], 'h', 'w']
  return _to_model(builder, side=model.size, outputs=shapes)


def _ensemble(
  builder: onnx_builder.Builder,
  model: ensemble.Ensemble,
  params: Mapping[str, Any],
  side: int,
) -> None:
  """Adds `logits` and `features`, as `models.ensemble` has them."""
  rows = []
  first = builder.integers('ensemble/axis', 0)
  for index, member in enumerate(model.members):
    name = ensemble.name(index)
    for is_mirrored in (False, True) if model.flips else (False,):
      builder.network_prefix = f'{name}/'
      builder.pass_prefix = f'{name}/{"mirrored/" if is_mirrored else ""}'
      x = _network(builder, member, params[name], side, is_mirrored=is_mirrored)
      scale = np.float32(model.temperatures[index])
      scale = builder.constant('member_temperature', scale)
      x = builder.add('Div', x, scale, name='scaled')
      x = builder.add('LogSoftmax', x, name='log_probabilities', axis=-1)
      rows.append(builder.add('Unsqueeze', x, first, name='row'))
  builder.network_prefix = builder.pass_prefix = ''
  x = builder.add('Concat', *rows, name='ensemble/rows', axis=0)
  x = builder.add(
    'ReduceLogSumExp', x, name='ensemble/sum', axes=[0], keepdims=0
  )
  count = builder.constant('ensemble/count', np.log(np.float32(len(rows))))
  builder.add('Sub', x, count, name='logits')
  builder.add('Identity', f'{ensemble.name(0)}/features', name='features')


def _network(
  builder: onnx_builder.Builder,
  model: resnet_v2.ResNetV2,
  params: Mapping[str, Any],
  side: int,
  *,
  is_mirrored: bool = False,
) -> str:
  """Returns new `logits` of a network, after adding its `features`, too."""
  size = model.size
  builder.use_groups(size.num_groups)
  x, side = _root(builder, params, side, is_mirrored=is_mirrored)
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
  return builder.add(
    'Gemm',
    features,
    builder.constant('head/kernel', np.asarray(params['head']['kernel'])),
    builder.constant('head/bias', np.asarray(params['head']['bias'])),
    name='logits',
  )


def _root(
  builder: onnx_builder.Builder,
  params: Mapping[str, Any],
  side: int,
  *,
  is_mirrored: bool,
) -> tuple[str, int]:
  """Returns the output of the root block, and its side."""
  # With one channel, [N, S, S, 1] and [N, 1, S, S] have the same memory layout.
  shape = builder.integers('root/shape', 0, 1, side, side)
  x = builder.add('Reshape', 'image', shape, name='root/to_channels')
  x = builder.add('Cast', x, name='root/float', to=onnx.TensorProto.FLOAT)
  if is_mirrored:
    x = builder.mirrored(x, name='root/mirrored')
  half = builder.constant('root/half', np.float32(127.5))
  x = builder.add('Sub', x, half, name='root/centered')
  x = builder.add('Div', x, half, name='root/in_range')
  # One gray channel stands for three equal ones.
  kernel = onnx_builder.standardize(params['root']['kernel']).sum(
    axis=2, keepdims=True
  )
  x = builder.conv(x, kernel, name='root', stride=2)
  # Padded with zeros as in BiT; MaxPool itself would pad with -inf.
  pads = builder.integers('root/pads', 0, 0, 1, 1, 0, 0, 1, 1)
  x = builder.add('Pad', x, pads, name='root/padded')
  x = builder.add(
    'MaxPool', x, name='root/pooled', kernel_shape=[3, 3], strides=[2, 2]
  )
  side = -(-side // 2)
  return x, -(-side // 2)


def _to_model(
  builder: onnx_builder.Builder,
  *,
  side: int,
  outputs: Mapping[str, list[str | int]],
) -> onnx.ModelProto:
  value, kinds = helper.make_tensor_value_info, onnx.TensorProto
  graph = helper.make_graph(
    builder.nodes,
    'bit_covid',
    [value('image', kinds.UINT8, ['N', side, side, 1])],
    [value(name, kinds.FLOAT, shape) for name, shape in outputs.items()],
    list(builder.constants.values()),
  )
  return helper.make_model(
    graph,
    producer_name='bit_covid',
    opset_imports=[helper.make_opsetid('', _OPSET)],
    # onnx writes its newest by default, which older runtimes refuse.
    ir_version=8,
  )
