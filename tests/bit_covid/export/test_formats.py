# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Each export in its own runtime against the original."""

import json
import os
import pathlib
import re
import subprocess
import sys

from jax import export as jax_export
import numpy as np
import pytest
import scipy.special

import bit_covid
from bit_covid.export import exportable
from bit_covid.export import formats
from bit_covid.export import parity
from bit_covid.export import prepare_slice
from bit_covid.export import stablehlo_format
from bit_covid.export import write_exports
from bit_covid.weights import bit_npz

ROOT = pathlib.Path(__file__).parents[3]

ONNX = pytest.param('onnx', marks=pytest.mark.onnx)
FORMATS = ['npz', 'stablehlo', 'savedmodel', ONNX]


@pytest.fixture(scope='module')
def original(random_params, reference_network):
  """The outputs for uint8 images in NumPy, of the checkpoint's parameters."""

  def run(image):
    logits, features = reference_network(
      random_params('tiny'), (image - 127.5) / 127.5
    )
    odds = np.exp(logits / 1.7)
    return {
      'logits': logits,
      'probabilities': odds / odds.sum(axis=1, keepdims=True),
      'features': features,
    }

  return run


def _assert_close(actual, expected):
  for name in parity.OUTPUTS:
    assert actual[name].dtype == np.float32
    np.testing.assert_allclose(
      actual[name], expected[name], rtol=0, atol=1e-4, err_msg=name
    )


@pytest.mark.parametrize('name', ['stablehlo', ONNX])
def test_ensemble(
  tmp_path, checkpoint, save_checkpoint, random_params, reference_network, name
):
  if name == 'onnx':
    pytest.importorskip('onnxruntime')
  params = [random_params('tiny', seed=x) for x in (0, 5)]
  other = save_checkpoint(
    tmp_path, params[1], crop=45, box='automatic', facts={'seed': 5}
  )
  write_exports.write(
    f'{checkpoint},{other}', tmp_path, formats=[name], flips=True
  )
  image = np.random.default_rng(2).integers(0, 256, (2, 45, 45, 1), np.uint8)
  views = [(x - 127.5) / 127.5 for x in (image, image[:, :, ::-1])]
  # Only the first of the two networks has a temperature.
  each = [
    scipy.special.softmax(reference_network(x, view)[0] / temperature, axis=1)
    for x, temperature in zip(params, (1.7, 1.0), strict=True)
    for view in views
  ]
  actual = formats.import_format(name).read(tmp_path / name)(image)
  expected = {
    'logits': np.log(np.mean(each, axis=0)),
    'probabilities': np.mean(each, axis=0),
    'features': reference_network(params[0], views[0])[1],
  }
  _assert_close(actual, expected)
  text = (tmp_path / name / 'README.md').read_text()
  assert '# 2 x tiny, also mirrored as' in text
  assert text.count('- Checkpoint: model.npz') == 2


def test_ensemble_is_no_file_of_bit(tmp_path, checkpoint):
  with pytest.raises(ValueError, match=r'--format=npz.*holds one network'):
    write_exports.write(str(checkpoint), tmp_path, formats=['npz'], flips=True)
  assert not list(tmp_path.iterdir())


# The command measures 1 and 3; no batch is traced.
@pytest.mark.parametrize('num_images', [2, 7])
@pytest.mark.parametrize('name', FORMATS)
def test_random_images(exports, original, name, num_images):
  folder = exports(name)  # Skips where there is no package for it.
  run = formats.import_format(name).read(folder)
  image = np.random.default_rng(num_images).integers(
    0, 256, (num_images, 45, 45, 1), np.uint8
  )
  _assert_close(run(image), original(image))


def test_the_predictions_of_the_npz_file_are_calibrated(exports, original):
  # As its README says.
  image = np.random.default_rng(5).integers(0, 256, (2, 45, 45, 1), np.uint8)
  classifier = bit_covid.load(exports('npz') / 'model.npz')
  np.testing.assert_allclose(
    classifier.probabilities(image),
    original(image)['probabilities'],
    atol=1e-5,
  )


def test_parameters_of_stablehlo_have_the_names_of_the_documentation(exports):
  with np.load(exports('stablehlo') / 'parameters.npz') as file:
    names = set(file)
  document = stablehlo_format.flat_parameters.__doc__
  named = re.findall(r"'([\w/]+)'", document)
  assert named
  assert names.issuperset(named)


@pytest.mark.parametrize('name', FORMATS)
def test_real_slices(exports, original, real_data, name):
  paths = sorted((real_data / 'covidx_ct_sample' / '3A_images').iterdir())[::90]
  assert len(paths) >= 5
  folder = exports(name)
  description = json.loads((folder / 'preprocessing.json').read_text())
  image = prepare_slice.prepare(paths, description['preprocessing'])
  assert image.shape == (len(paths), 45, 45, 1)
  expected = original(image)
  _assert_close(formats.import_format(name).read(folder)(image), expected)


def test_predict_of_the_npz_sees_the_same_slices(exports, original, real_data):
  paths = sorted((real_data / 'covidx_ct_sample' / '3A_images').iterdir())[::90]
  path = exports('npz') / 'model.npz'
  table = bit_covid.load(str(path)).predict(paths, check=False)
  metadata = bit_npz.load(path).metadata
  images = prepare_slice.prepare(paths, metadata.preprocessing)
  logits = original(images)['logits'].astype(np.float64)
  odds = np.exp(logits / metadata.temperature)
  np.testing.assert_allclose(
    table[['p_Normal', 'p_CP', 'p_NCP']],
    odds / odds.sum(axis=1, keepdims=True),
    atol=1e-4,
  )


@pytest.mark.parametrize('name', FORMATS)
def test_the_example_runs_where_the_folder_is_all_there_is(
  exports, original, real_data, name
):
  folder = exports(name)
  slices = sorted((real_data / 'covidx_ct_sample' / '3A_images').iterdir())
  paths = [slices[0], slices[-1]]
  environment = {
    key: value for key, value in os.environ.items() if key != 'PYTHONPATH'
  }
  if name == 'npz':
    environment['PYTHONPATH'] = str(ROOT)
  result = subprocess.run(
    [sys.executable, str(folder / 'example.py'), *map(str, paths)],
    cwd=folder.parent,
    env={**environment, 'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr
  description = json.loads((folder / 'preprocessing.json').read_text())
  image = prepare_slice.prepare(paths, description['preprocessing'])
  expected = original(image)['probabilities']
  lines = result.stdout.splitlines()
  assert len(lines) == 2
  for path, line, row in zip(paths, lines, expected, strict=True):
    assert line.startswith(str(path))
    numbers = re.findall(r"'(\w+)': ([\d.e-]+)", line)
    assert [key for key, _ in numbers] == ['Normal', 'CP', 'NCP']
    actual = [float(value) for _, value in numbers]
    np.testing.assert_allclose(actual, row, atol=1e-4)


def test_stablehlo_is_for_three_platforms_and_any_batch(exports):
  content = (exports('stablehlo') / 'model.stablehlo').read_bytes()
  exported = jax_export.deserialize(bytearray(content))
  assert exported.platforms == ('cpu', 'cuda', 'tpu')
  image = exported.in_avals[-1]
  assert (image.dtype, image.shape[1:]) == (np.uint8, (45, 45, 1))
  assert jax_export.is_symbolic_dim(image.shape[0])
  # The parameters are beside it.
  assert len(content) < 300_000


def test_saved_model_has_names_and_any_batch(exports):
  import tensorflow as tf

  module = tf.saved_model.load(str(exports('savedmodel') / 'model'))
  serve = module.signatures['serving_default']
  _, inputs = serve.structured_input_signature
  assert inputs['image'].shape.as_list() == [None, 45, 45, 1]
  assert inputs['image'].dtype == tf.uint8
  assert set(serve.structured_outputs) == set(parity.OUTPUTS)


def test_saved_model_is_for_older_tensorflows(exports):
  content = (exports('savedmodel') / 'model' / 'saved_model.pb').read_bytes()
  assert set(re.findall(rb'StableHLO_v[\d.]+', content)) == {
    b'StableHLO_v1.0.0'
  }


@pytest.mark.onnx
def test_onnx_has_names_and_any_batch(exports):
  folder = exports('onnx')
  import onnxruntime

  session = onnxruntime.InferenceSession(folder / 'model.onnx')
  (image,) = session.get_inputs()
  assert (image.name, image.type) == ('image', 'tensor(uint8)')
  assert image.shape == ['N', 45, 45, 1]
  outputs = {value.name: value.shape for value in session.get_outputs()}
  assert outputs == {
    'logits': ['N', 3],
    'probabilities': ['N', 3],
    'features': ['N', 512],
  }


@pytest.mark.onnx
def test_onnx_beyond_the_limit_lies_in_two_files(
  tmp_path, exports, checkpoint, original
):
  exports('onnx')
  from bit_covid.export import onnx_format

  model = exportable.create(bit_npz.load(checkpoint))
  onnx_format.write(model, tmp_path, max_bytes=1_000_000)
  assert (tmp_path / 'model.onnx').stat().st_size < 100_000
  assert (tmp_path / 'model.onnx.data').stat().st_size > 1_900_000
  image = np.random.default_rng(0).integers(0, 256, (2, 45, 45, 1), np.uint8)
  _assert_close(onnx_format.read(tmp_path)(image), original(image))


@pytest.mark.slow
@pytest.mark.onnx
def test_a_real_network(tmp_path, random_params):
  from bit_covid.weights import metadata as metadata_lib

  pytest.importorskip('onnxruntime', reason='needs the extra export')
  path = tmp_path / 'model.npz'
  bit_npz.save(
    path,
    random_params('R50x1'),
    model_name='R50x1',
    metadata=metadata_lib.unknown(3),
  )
  differences = write_exports.write(
    str(path), tmp_path / 'out', formats=list(formats.FORMATS), size=65
  )
  assert set(differences) == set(formats.FORMATS)
