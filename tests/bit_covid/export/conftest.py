# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A tiny checkpoint and its exports, written once."""

import importlib.util

import pytest

from bit_covid.export import command

# An odd side, whose halves round up, each time another way.
SIDE = 45


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory, save_checkpoint):
  return save_checkpoint(
    tmp_path_factory.mktemp('run'),
    crop=SIDE,
    box='automatic',
    temperature=1.7,
    facts={'seed': 3},
  )


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
      pytest.skip(f'{package} is not installed; it is in the extra `onnx`')
