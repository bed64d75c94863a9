# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A tiny checkpoint and its exports, written once."""

import importlib.util

import pytest

from bit_covid.export import command
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata

NAMES = ('Normal', 'CP', 'NCP')

# An odd side, whose halves round up, each time another way.
SIDE = 45


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory, random_params):
  path = tmp_path_factory.mktemp('run') / 'model.npz'
  bit_npz.save(
    path,
    random_params('tiny'),
    model='tiny',
    metadata=metadata.Metadata(
      class_names=NAMES,
      preprocessing={
        'box': 'automatic',
        'crop': SIDE,
        'antialias': False,
        'range_16bit': [0, 65_535],
      },
      window=(-600.0, 1500.0),
      temperature=1.7,
      facts={'seed': 3},
    ),
  )
  return path


@pytest.fixture(scope='session')
def exports(tmp_path_factory, checkpoint):
  """Returns a function from the name of a format to its folder."""
  output = tmp_path_factory.mktemp('exports')

  def make(name):
    if name == 'onnx':
      require_onnx()
    if not (output / name).exists():
      command.export(str(checkpoint), output, formats=[name])
    return output / name

  return make


def require_onnx():
  for package in ('onnx', 'onnxruntime'):
    if importlib.util.find_spec(package) is None:
      pytest.skip(f'{package} is not installed; it is in the extra `export`')
