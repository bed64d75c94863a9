# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Networks that OpenVINO computes on a CPU; needs the extra `openvino`.

XLA computes bfloat16 on a CPU in float32. OpenVINO uses the instructions that
recent processors have for it, and computes in float32 on others. It reads the
ONNX graph of `bit_covid.export`.
"""

from collections.abc import Mapping
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bit_covid.base import compilation_cache
from bit_covid.engine.private_openvino import openvino
from bit_covid.export import exportable
from bit_covid.export import onnx_graph
from bit_covid.inference import evaluate
from bit_covid.inference import network as network_lib
from bit_covid.inference import whole_batches
from bit_covid.models import ensemble
from bit_covid.models import gradcam
from bit_covid.weights import bit_npz

_DTYPES = {'f32': 'float32', 'bf16': 'bfloat16', 'f16': 'float16'}


class Programs:
  """The compiled programs of a network, one for each size of a batch.

  Attributes:
    name: what computes, and in which dtype, as in 'OpenVINO 2026.4.1, float32'.
  """

  def __init__(self, checkpoint: bit_npz.Checkpoint):
    """Builds the graph of a checkpoint.

    Raises:
      ValueError: the checkpoint is an ensemble.
    """
    model = exportable.create(checkpoint)
    if isinstance(model.model, ensemble.Ensemble):
      raise ValueError(
        f'--engine=openvino computes one network, not {model.model_name}; '
        'leave --engine out.'
      )
    graph = onnx_graph.build(model, with_feature_map=True)
    self._graph, self._side = graph.SerializeToString(), model.size
    self._core = openvino.Core()
    self._of_batch: dict[int, openvino.CompiledModel] = {}
    version = openvino.__version__.partition('-')[0]
    hint = self._core.get_property('CPU', 'INFERENCE_PRECISION_HINT')
    self.name = f'OpenVINO {version}, {_DTYPES[hint.get_type_name()]}'

  def of_batch(self, size: int) -> openvino.CompiledModel:
    """Returns the program for so many images, compiled at the first call."""
    if size not in self._of_batch:
      model = self._core.read_model(self._graph)
      model.reshape({'image': [size, self._side, self._side, 1]})
      options = {
        'PERFORMANCE_HINT': 'LATENCY',  # All threads compute one batch.
        'INFERENCE_NUM_THREADS': compilation_cache.usable_cores(),
      }
      self._of_batch[size] = self._core.compile_model(model, 'CPU', options)
    return self._of_batch[size]

  def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns logits, features and the last feature map, by name.

    They are `[N, C]`, `[N, F]` and `[N, F, h, w]` float32, and the next call
    may overwrite them.

    Args:
      images: `[N, S, S, 1]` uint8.
    """
    outputs = self.of_batch(len(images))(np.ascontiguousarray(images))
    # An output has several names if a temperature of 1 made two the same.
    return {
      name: value for key, value in outputs.items() for name in key.get_names()
    }

  def make_forward(self) -> evaluate.ForwardFn:
    """Returns a forward pass for `evaluate.evaluate`.

    It passes over the parameters, which are in the graph.
    """

    def forward(
      standardized: evaluate.StandardizedParams, batch: Mapping[str, Any]
    ) -> dict[str, jax.Array]:
      del standardized
      images = np.asarray(batch['image'])
      outputs = self.run(images.reshape(-1, *images.shape[2:]))
      results = {
        name: outputs[name].reshape(*images.shape[:2], -1)
        for name in ('logits', 'features')
      }
      results |= {name: batch[name] for name in ('mask', 'index')}
      return {name: jnp.array(np.asarray(x)) for name, x in results.items()}

    return forward


class OpenVinoNetwork(network_lib.Network):
  """A network of which OpenVINO computes the `outputs`.

  Its other methods use JAX.
  """

  def __init__(self, checkpoint: bit_npz.Checkpoint):
    """Creates the network of a checkpoint.

    Raises:
      ValueError: the checkpoint is an ensemble.
    """
    super().__init__(checkpoint)
    self._programs = Programs(checkpoint)

  @property
  def engine(self) -> str:
    """What computes `outputs`, and in which dtype."""
    return self._programs.name

  def compile(self, num_slices: int) -> None:
    """Compiles what `outputs` needs.

    Args:
      num_slices: of a scan, which decides about the size of its batches.
    """
    self._programs.of_batch(whole_batches.size(num_slices))

  def _scores(
    self, prepared: np.ndarray, *, with_maps: bool, num_slices: int | None
  ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    logits, features, *maps = whole_batches.apply(
      functools.partial(self._forward_batch, with_maps=with_maps),
      self.params,
      prepared,
      num_images=num_slices,
    )
    return logits, features, maps[0] if maps else None

  def _forward_batch(
    self, params: Mapping[str, Any], images: np.ndarray, *, with_maps: bool
  ) -> tuple[np.ndarray, ...]:
    outputs = self._programs.run(images)
    logits, features = (np.copy(outputs[x]) for x in ('logits', 'features'))
    if not with_maps:
      return logits, features
    maps = _maps(outputs['feature_map'], params['head']['kernel'])
    return logits, features, np.asarray(maps)


@jax.jit
def _maps(feature_map: jax.Array, head_kernel: jax.Array) -> jax.Array:
  """Returns maps as `class_maps.apply` does, of a map `[N, F, h, w]`."""
  feature_map = feature_map.transpose(0, 2, 3, 1)
  return gradcam.normalize(gradcam.weighted_maps(feature_map, head_kernel))
