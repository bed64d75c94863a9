# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A network that OpenVINO computes, against the same one by JAX and NumPy.

Where the processor has bfloat16, these tests ask for float32.
"""

from importlib import util
import json
import subprocess
import sys

import numpy as np
import pytest
import scipy.special

from bit_covid import predict
from bit_covid.analysis import predictions
from bit_covid.cli import evaluate
from bit_covid.engine import choose
from bit_covid.inference import load
from bit_covid.scoring import unfinished
from configs import demo
import input_pipeline

pytestmark = pytest.mark.onnx


@pytest.fixture(autouse=True)
def float32(monkeypatch):
  """OpenVINO, which computes in float32."""
  if util.find_spec('openvino') is None:
    pytest.skip('needs the extra openvino')
  from bit_covid.engine.private_openvino import openvino

  core = openvino.Core

  def make_core():
    made = core()
    made.set_property('CPU', {'INFERENCE_PRECISION_HINT': 'f32'})
    return made

  monkeypatch.setattr(openvino, 'Core', make_core)


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, save_checkpoint):
  return save_checkpoint(
    tmp_path_factory.mktemp('run'),
    crop=64,
    temperature=2.5,
    window=None,
    facts={'data': 'phantom/tiny'},
  )


@pytest.fixture
def networks(checkpoint):
  """The network by OpenVINO, and by JAX."""
  engines = ('openvino', 'jax')
  return [choose.load(str(checkpoint), engine=x) for x in engines]


def _prepared(count):
  generator = np.random.default_rng(count)
  return generator.integers(0, 256, (count, 64, 64, 1), np.uint8)


def test_probabilities_and_maps(networks, random_params, reference_network):
  # 19 images: a batch of 16 and one of 4, padded.
  prepared = _prepared(19)
  actual, expected = (x.outputs(prepared, with_maps=True) for x in networks)
  logits, _ = reference_network(random_params('tiny'), prepared / 127.5 - 1.0)
  probabilities = scipy.special.softmax(logits / 2.5, axis=1)
  np.testing.assert_allclose(actual.probabilities, probabilities, atol=1e-5)
  assert actual.maps.shape == (19, 3, 2, 2)
  np.testing.assert_allclose(actual.maps, expected.maps, atol=1e-3)
  assert networks[0].outputs(prepared, with_maps=False).maps is None
  assert networks[0].engine.name.endswith(', float32')


def test_without_a_temperature(save_checkpoint, tmp_path):
  path = str(save_checkpoint(tmp_path, crop=64, temperature=None))
  actual, expected = (
    choose.load(path, engine=x).outputs(_prepared(2), with_maps=True)
    for x in ('openvino', 'jax')
  )
  np.testing.assert_allclose(
    actual.probabilities, expected.probabilities, atol=1e-5
  )


def test_features_are_judged_as_those_of_jax(networks):
  class Detector:
    def distances(self, features):
      return features.sum(axis=1).astype(np.float64)

  prepared = _prepared(2)
  distances = []
  for network in networks:
    network.detector = Detector()
    outputs = network.outputs(prepared, with_maps=True)
    distances.append(outputs.distances)
  np.testing.assert_allclose(*distances, rtol=1e-4)


def test_what_was_compiled_is_not_compiled_again(networks):
  network = networks[0]
  network.engine.compile(19)
  compiled = dict(network.engine._of_batch)
  assert list(compiled) == [16]
  # The first part of a scan.
  network.outputs(_prepared(16), with_maps=True, num_slices=19)
  assert network.engine._of_batch == compiled


def test_the_rest_of_a_scan_is_padded_to_a_multiple_of_four(networks):
  network = networks[0]
  network.outputs(_prepared(16), with_maps=True, num_slices=21)
  network.outputs(_prepared(5), with_maps=True, num_slices=21)
  assert list(network.engine._of_batch) == [16, 8]


def _probabilities(main, table, output, *arguments):
  """Returns those in a table that a command writes with each engine."""
  found = []
  for engine in ('openvino', 'jax'):
    folder = output / engine
    flags = [f'--engine={engine}', f'--output={folder}']
    assert main([*map(str, arguments), *flags]) == 0
    found.append(predictions.probabilities(predictions.read(folder / table)))
  return found


def test_a_split_is_evaluated(checkpoint, tfds_dir, tmp_path):
  tables = _probabilities(
    evaluate.main,
    'predictions/test.csv',
    tmp_path,
    checkpoint,
    f'--data_dir={tfds_dir}',
    '--batch=10',
  )
  config = demo.get_config()
  config.data.name, config.data.data_dir = 'phantom/tiny', tfds_dir
  assert len(tables[0]) == len(input_pipeline.load_split(config.data, 'test'))
  np.testing.assert_allclose(*tables, atol=1e-4)
  facts = json.loads((tmp_path / 'openvino' / 'config.json').read_text())
  assert facts['engine'].startswith('OpenVINO 20')
  facts = json.loads((tmp_path / 'jax' / 'config.json').read_text())
  assert 'engine' not in facts


def test_results_of_a_run_are_not_replaced(checkpoint, capsys):
  assert evaluate.main([str(checkpoint.parent), '--engine=openvino']) == 2
  assert (
    'are without --engine=openvino; give --output' in capsys.readouterr().err
  )


def test_scans_are_scored_and_the_engine_is_named(
  checkpoint, study, tmp_path, capsys
):
  tables = _probabilities(
    predict.main,
    'predictions.csv',
    tmp_path,
    study,
    f'--checkpoint={checkpoint}',
  )
  np.testing.assert_allclose(*tables, atol=1e-4)
  # By one of the two.
  assert capsys.readouterr().out.count('Engine: OpenVINO 20') == 1


def test_scans_of_two_engines_are_not_mixed(
  checkpoint, study, tmp_path, monkeypatch, capsys
):
  # As if the first call had been killed before its end.
  monkeypatch.setattr(unfinished, 'remove', lambda output: None)
  command = [str(study), f'--checkpoint={checkpoint}', f'--output={tmp_path}']
  assert predict.main(command) == 0
  assert predict.main([*command, '--engine=openvino']) == 2
  assert 'engine' in capsys.readouterr().err


def test_nothing_is_sent_home():
  program = """
import os, sys
os.register_at_fork(before=lambda: print('forks'))
from bit_covid.engine import openvino_engine
print([x for x in sys.modules if 'telemetry.' in x])
"""
  result = subprocess.run(
    [sys.executable, '-c', program], capture_output=True, text=True, check=True
  )
  assert (result.stdout, result.stderr) == ('[]\n', '')


def test_an_ensemble_is_refused(checkpoint):
  with pytest.raises(ValueError, match=r'computes one network, not .*mirrored'):
    choose.load(str(checkpoint), flips=True, engine='openvino')


def test_a_network_too_large_for_a_message_is_refused(checkpoint, monkeypatch):
  module = choose.openvino()
  monkeypatch.setattr(module, '_MAX_PARAMETER_BYTES', 1000)
  with pytest.raises(
    ValueError, match=r'at most 1,000 bytes, and tiny has \d+'
  ):
    choose.load(str(checkpoint), engine='openvino')


def test_a_package_that_lacks_is_named(checkpoint, monkeypatch):
  for name in ('openvino_engine', 'private_openvino'):
    monkeypatch.delitem(sys.modules, f'bit_covid.engine.{name}', False)
  monkeypatch.setitem(sys.modules, 'openvino', None)
  with pytest.raises(ValueError, match=r"pip install 'bit-covid\[openvino\]'"):
    choose.load(str(checkpoint), engine='openvino')


def test_jax_is_the_default(checkpoint):
  network = choose.load(str(checkpoint))
  assert type(network) is type(load.load(str(checkpoint)))
  assert network.engine.name == 'JAX'
