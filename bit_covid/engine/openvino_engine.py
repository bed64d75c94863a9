# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Networks that OpenVINO computes on a CPU; needs the extra `openvino`.

OpenVINO computes in bfloat16 where the processor has instructions for it, and
in float32 elsewhere. It reads the ONNX graph of `bit_covid.export`.
"""

from collections.abc import Mapping
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bit_covid.base import compilation_cache
from bit_covid.engine.private_openvino import openvino
from bit_covid.export import exportable
from bit_covid.export import onnx_graph
from bit_covid.inference import engine
from bit_covid.inference import whole_batches
from bit_covid.models import ensemble
from bit_covid.models import gradcam

# A protocol buffer holds at most 2 GiB, and the graph is given as one.
_MAX_PARAMETER_BYTES = 2_000_000_000
# The rest of a scan goes into a batch of a multiple of so many slices.
_STEP = 4
_DTYPES = {'f32': 'float32', 'bf16': 'bfloat16', 'f16': 'float16'}


class OpenVinoEngine:
  """OpenVINO, with a program for each size of a batch.

  Attributes:
    name: also says in which dtype, as in 'OpenVINO 2026.4.1, float32'.
  """

  def __init__(self, model: exportable.Exportable):
    """Builds the graph of a network.

    Raises:
      ValueError: the model is an ensemble, or too large.
    """
    if isinstance(model.model, ensemble.Ensemble):
      raise ValueError(
        f'--engine=openvino computes one network, not {model.model_name}; '
        'leave --engine out.'
      )
    size = sum(x.nbytes for x in jax.tree.leaves(model.params))
    if size > _MAX_PARAMETER_BYTES:
      raise ValueError(
        f'--engine=openvino computes networks of at most '
        f'{_MAX_PARAMETER_BYTES:,} bytes, and {model.model_name} has '
        f'{size:,}; leave --engine out.'
      )
    graph = onnx_graph.build(model, with_feature_map=True)
    self._graph, self._side = graph.SerializeToString(), model.size
    self._head_kernel = jnp.asarray(model.params['head']['kernel'])
    self._core = openvino.Core()
    self._of_batch: dict[int, openvino.CompiledModel] = {}
    version = openvino.__version__.partition('-')[0]
    hint = self._core.get_property('CPU', 'INFERENCE_PRECISION_HINT')
    self.name = f'OpenVINO {version}, {_DTYPES[hint.get_type_name()]}'

  def compile(self, num_slices: int) -> None:
    """Compiles what `scores` needs for so many slices."""
    self._program(whole_batches.size(num_slices))

  def scores(
    self, prepared: np.ndarray, *, with_maps: bool, num_slices: int
  ) -> engine.Scores:
    """Returns the scores of slices, as `inference.engine.Engine` says."""
    size, parts = whole_batches.size(num_slices), []
    for start in range(0, len(prepared), size):
      images = prepared[start : start + size]
      # A program for the rest compiles sooner than padding is computed.
      batch = min(size, _STEP * math.ceil(len(images) / _STEP))
      outputs = self._run(whole_batches.fill(images, batch))
      scores = [outputs['logits'].copy(), outputs['features'].copy()]
      if with_maps:
        maps = _maps(outputs['feature_map'], self._head_kernel)
        scores.append(np.asarray(maps))
      parts.append([x[: len(images)] for x in scores])
    return engine.Scores(*map(np.concatenate, zip(*parts, strict=True)))

  def forward(
    self, standardized: Any, batch: Mapping[str, Any]
  ) -> dict[str, jax.Array]:
    """Returns what a forward pass of `inference.evaluate` does.

    Args:
      standardized: not used, as the parameters are in the graph.
      batch: leaves are `[devices, per_device, ...]`.
    """
    del standardized
    images = np.asarray(batch['image'])
    outputs = self._run(images.reshape(-1, *images.shape[2:]))
    results = {
      name: outputs[name].reshape(*images.shape[:2], -1)
      for name in ('logits', 'features')
    }
    results |= {name: batch[name] for name in ('mask', 'index')}
    return {name: jnp.array(np.asarray(x)) for name, x in results.items()}

  def _program(self, batch: int) -> openvino.CompiledModel:
    if batch not in self._of_batch:
      model = self._core.read_model(self._graph)
      model.reshape({'image': [batch, self._side, self._side, 1]})
      options = {
        'PERFORMANCE_HINT': 'LATENCY',  # All threads compute one batch.
        'INFERENCE_NUM_THREADS': compilation_cache.usable_cores(),
      }
      self._of_batch[batch] = self._core.compile_model(model, 'CPU', options)
    return self._of_batch[batch]

  def _run(self, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns logits, features and the last feature map, by name.

    They are `[N, C]`, `[N, F]` and `[N, F, h, w]` float32, and the next call
    may overwrite them.

    Args:
      images: `[N, S, S, 1]` uint8.
    """
    outputs = self._program(len(images))(np.ascontiguousarray(images))
    # An output has several names if a temperature of 1 made two the same.
    return {
      name: value for key, value in outputs.items() for name in key.get_names()
    }


@jax.jit
def _maps(feature_map: jax.Array, head_kernel: jax.Array) -> jax.Array:
  """Returns maps as `class_maps.apply` does, of a map `[N, F, h, w]`."""
  feature_map = feature_map.transpose(0, 2, 3, 1)
  return gradcam.normalize(gradcam.weighted_maps(feature_map, head_kernel))
