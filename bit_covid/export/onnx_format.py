# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""ONNX, for ONNX Runtime and what else reads it; needs the extra `export`."""

from collections.abc import Mapping
import pathlib

import numpy as np
import onnx
import onnxruntime

from bit_covid.export import exportable
from bit_covid.export import onnx_graph
from bit_covid.export import parity

PACKAGES = ('onnx', 'onnxruntime', 'numpy')

# A protocol buffer ends at 2 GiB; parameters lie beside it from here on.
_MAX_BYTES = 2_000_000_000

NOTE = """\
`model.onnx` is of opset 17 and of ordinary operators in float32. The kernels
are standardized in the file, which is why they differ from the checkpoint's."""

EXAMPLE = '''\
"""Prints a probability a class: python example.py SLICE.png ..."""

import json
import pathlib
import sys

import onnxruntime
import prepare_slice

folder = pathlib.Path(__file__).parent
description = json.loads((folder / 'preprocessing.json').read_text())
image = prepare_slice.prepare(sys.argv[1:], description['preprocessing'])
session = onnxruntime.InferenceSession(folder / 'model.onnx')
(probabilities,) = session.run(['probabilities'], {'image': image})
for path, row in zip(sys.argv[1:], probabilities, strict=True):
  print(path, dict(zip(description['class_names'], row.tolist(), strict=True)))
'''


def write(
  model: exportable.Exportable,
  folder: pathlib.Path,
  *,
  max_bytes: int = _MAX_BYTES,
) -> None:
  """Writes `model.onnx`, and `model.onnx.data` where it would be too large."""
  graph = onnx_graph.build(model)
  path = folder / 'model.onnx'
  onnx.save(
    graph,
    path,
    save_as_external_data=graph.ByteSize() > max_bytes,
    location='model.onnx.data',
  )
  # By its path: a model of 2 GiB cannot be checked in memory.
  onnx.checker.check_model(path, full_check=True)


def read(folder: pathlib.Path) -> parity.ExportedFn:
  """Returns the function in what `write` wrote, in ONNX Runtime on the CPU."""
  session = onnxruntime.InferenceSession(
    folder / 'model.onnx', providers=['CPUExecutionProvider']
  )
  names = [output.name for output in session.get_outputs()]

  def run(image: np.ndarray) -> Mapping[str, np.ndarray]:
    values = session.run(names, {'image': image})
    return dict(zip(names, values, strict=True))

  return run
