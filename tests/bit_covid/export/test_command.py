# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""python -m bit_covid.export: what it writes, and what it refuses."""

import hashlib
import json
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from bit_covid.export import command
from bit_covid.export import npz_format
from bit_covid.export import parity
from bit_covid.export import write_exports
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata


def test_each_file_is_described(exports, checkpoint):
  folder = exports('npz')
  description = json.loads((folder / 'preprocessing.json').read_text())
  assert description['class_names'] == ['Normal', 'CP', 'NCP']
  assert description['temperature'] == 1.7
  assert description['window_hounsfield'] == {
    'center': -600,
    'width': 1500,
    'low': -1350,
    'high': 150,
  }
  assert description['preprocessing']['crop'] == 45
  assert description['preprocessing']['box'] == 'automatic'
  assert description['input']['image']['shape'] == ['N', 45, 45, 1]
  assert description['outputs']['features']['shape'] == ['N', 512]
  assert 'not a medical device' in description['notice']
  assert set(description['largest_difference']) == {'1', '3'}
  assert description['versions']['jax']
  digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
  assert description['sources'] == [{'name': 'model.npz', 'sha256': digest}]
  written = {path.name for path in folder.iterdir()} - {'preprocessing.json'}
  assert set(description['files']) == written
  for name, digest in description['files'].items():
    assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
  assert not list(folder.parent.glob('.*'))


def test_the_readme_says_what_people_need(exports):
  text = (exports('npz') / 'README.md').read_text()
  for part in (
    'not a medical device',
    'Normal, CP, NCP',
    '-1350 HU and less are 0, 150 HU and more',
    'automatic box of the body',
    'Resize to 45 x 45',
    'without antialiasing',
    'The temperature of the calibration: 1.7.',
    'divides the logits by the temperature',
    (exports('npz') / 'example.py').read_text(),
  ):
    assert part in text


def test_the_size_can_be_another(tmp_path, checkpoint, capsys):
  assert (
    command.main(
      [str(checkpoint), '--format=npz', f'--output={tmp_path}', '--size=33']
    )
    == 0
  )
  assert capsys.readouterr().out.startswith(f'npz: {tmp_path / "npz"}, ')
  written = bit_npz.load(tmp_path / 'npz' / 'model.npz').metadata
  assert written.preprocessing['crop'] == 33
  assert written.temperature == 1.7


def test_a_checkpoint_that_says_nothing_of_itself(tmp_path, random_params):
  path = tmp_path / 'model.npz'
  np.savez(path, **bit_npz.to_arrays(random_params('tiny')))
  write_exports.write(str(path), tmp_path / 'out', formats=['npz'], size=33)
  folder = tmp_path / 'out' / 'npz'
  description = json.loads((folder / 'preprocessing.json').read_text())
  assert description['class_names'] == ['class_0', 'class_1', 'class_2']
  assert description['temperature'] is None
  assert description['window_hounsfield'] is None
  meaning = description['outputs']['probabilities']['meaning']
  assert 'not calibrated' in meaning
  text = (folder / 'README.md').read_text()
  assert 'Hounsfield units is not known' in text
  assert 'The temperature of the calibration: not known.' in text


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['--format=pb'], "--format=pb: there is no format 'pb'; expected all"),
    (['--format=npz,'], "there is no format ''"),
    (['--format=npz', '--size=16'], 'The size is 16 pixels; expected 32'),
  ],
)
def test_wrong_arguments(tmp_path, checkpoint, capsys, arguments, message):
  output = tmp_path / 'out'
  assert command.main([str(checkpoint), f'--output={output}', *arguments]) == 2
  error = capsys.readouterr().err
  assert error.startswith('Error: ')
  assert error.count('\n') == 1
  assert message in error
  assert not output.exists()


def test_no_checkpoint(tmp_path, capsys):
  arguments = [str(tmp_path), '--format=npz', f'--output={tmp_path / "out"}']
  assert command.main(arguments) == 2
  assert 'holds no model.npz' in capsys.readouterr().err


def test_nothing_is_overwritten(tmp_path, checkpoint, capsys):
  (tmp_path / 'npz').mkdir()
  arguments = [str(checkpoint), '--format=npz', f'--output={tmp_path}']
  assert command.main(arguments) == 2
  assert 'exists already. Remove it' in capsys.readouterr().err


def test_a_format_without_its_package(
  tmp_path, checkpoint, capsys, monkeypatch
):
  monkeypatch.setitem(sys.modules, 'onnx', None)
  monkeypatch.delitem(
    sys.modules, 'bit_covid.export.onnx_format', raising=False
  )
  monkeypatch.delitem(sys.modules, 'bit_covid.export.onnx_graph', raising=False)
  output = tmp_path / 'out'
  assert command.main([str(checkpoint), f'--output={output}']) == 2
  error = capsys.readouterr().err
  assert "--format=onnx needs the package 'onnx'" in error
  assert "pip install 'bit-covid[onnx]'" in error
  assert not output.exists()


def test_without_room_for_the_second_format_none_is_left(
  tmp_path, checkpoint, capsys, monkeypatch
):
  def write(model, folder):
    (folder / 'half').write_text('')
    # As TensorFlow says it.
    text = 'x; No space left on device'
    raise tf.errors.ResourceExhaustedError(None, None, text)

  module = types.SimpleNamespace(**{**vars(npz_format), 'write': write})
  name = 'bit_covid.export.stablehlo_format'
  monkeypatch.setitem(sys.modules, name, module)
  # It takes time, and is tested elsewhere.
  monkeypatch.setattr(parity, 'cases', lambda model: [])
  monkeypatch.setattr(parity, 'check', lambda *arguments: {})
  output = tmp_path / 'out'
  arguments = ['--format=npz,stablehlo', f'--output={output}']
  assert command.main([str(checkpoint), *arguments]) == 1
  error = capsys.readouterr().err
  assert error.startswith(f'Error: {output}/stablehlo has no room on its disk;')
  assert error.count('\n') == 1
  assert not list(output.iterdir())


@pytest.mark.parametrize('value', [1e-3, np.nan])
def test_an_export_that_differs_is_not_kept(
  tmp_path, checkpoint, capsys, monkeypatch, value
):
  def read(folder):
    run = npz_format.read(folder)

    def wrong(image):
      outputs = dict(run(image))
      outputs['features'] = outputs['features'] + np.float32(value)
      return outputs

    return wrong

  module = types.SimpleNamespace(**{**vars(npz_format), 'read': read})
  monkeypatch.setitem(sys.modules, 'bit_covid.export.npz_format', module)
  arguments = [str(checkpoint), '--format=npz', f'--output={tmp_path}']
  assert command.main(arguments) == 2
  error = capsys.readouterr().err
  assert 'npz: on 1 images' in error
  assert 'expected 0.0001 at most' in error
  assert not list(tmp_path.iterdir())


def test_difference_is_relative_where_values_are_large():
  small = {name: np.ones((1, 2)) for name in parity.OUTPUTS}
  large = {**small, 'logits': np.full((1, 2), 100.0)}
  moved = {**large, 'logits': large['logits'] + 0.5}
  assert parity.difference(small, small) == 0
  assert parity.difference(moved, large) == pytest.approx(0.005)
  shorter = {**small, 'features': np.ones((1, 1))}
  assert parity.difference(shorter, small) == np.inf


def test_a_head_of_zeros_is_still_measured(tmp_path, random_params):
  params = random_params('tiny')
  params['head'] = {
    key: np.zeros_like(leaf) for key, leaf in params['head'].items()
  }
  path = tmp_path / 'model.npz'
  bit_npz.save(path, params, model_name='tiny', metadata=metadata.unknown(3))
  differences = write_exports.write(
    str(path), tmp_path / 'out', formats=['npz'], size=33
  )
  assert differences['npz']['3'] < 1e-4
  assert 'features' in parity.OUTPUTS


def test_help_is_that_of_the_module():
  result = subprocess.run(
    [sys.executable, '-m', 'bit_covid.export', '--help'],
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0
  assert 'python -m bit_covid.export' in result.stdout
