# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Export as ONNX, for ONNX Runtime and others; needs the extra `onnx`.

`onnx_graph` makes the graph, and says which operators it needs.
"""

from collections.abc import Mapping
import pathlib

import numpy as np
import onnx
import onnxruntime

from bit_covid.export import exportable
from bit_covid.export import onnx_graph
from bit_covid.export import parity

PACKAGES = ('onnx', 'onnxruntime', 'numpy')

# A protocol buffer holds at most 2 GiB. Parameters of a larger model lie in a
# file beside it.
_MAX_BYTES = 2_000_000_000


def write(
  model: exportable.Exportable,
  folder: pathlib.Path,
  *,
  max_bytes: int = _MAX_BYTES,
) -> None:
  """Writes `model.onnx`; the parameters of a large model in `model.onnx.data`.

  Large is a model of more than `max_bytes`.
  """
  graph = onnx_graph.build(model)
  path = folder / 'model.onnx'
  onnx.save(
    graph,
    path,
    save_as_external_data=graph.ByteSize() > max_bytes,
    location='model.onnx.data',
  )
  # Checked by its path, since a model above 2 GiB cannot be checked in memory.
  onnx.checker.check_model(path, full_check=True)


def read(folder: pathlib.Path) -> parity.ExportedFn:
  """Returns the network in a folder of `write`, run by ONNX Runtime on CPU."""
  session = onnxruntime.InferenceSession(
    folder / 'model.onnx', providers=['CPUExecutionProvider']
  )
  names = [output.name for output in session.get_outputs()]

  def run(image: np.ndarray) -> Mapping[str, np.ndarray]:
    values = session.run(names, {'image': image})
    return dict(zip(names, values, strict=True))

  return run
