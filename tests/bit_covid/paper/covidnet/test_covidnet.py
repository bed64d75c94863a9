# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A graph as public ones are, run by the command and again in NumPy."""

import io
import json
import pathlib
import re
import shutil
import subprocess
import sys

import cv2
from etils import epath
import ml_collections
import numpy as np
from PIL import Image
import pytest
import tensorflow as tf

from bit_covid import report
from bit_covid.analysis import predictions
from bit_covid.analysis import published
from bit_covid.cli import compare
from bit_covid.paper.covidnet import command
from bit_covid.paper.covidnet import graph as graph_lib
from bit_covid.paper.covidnet import run as run_lib
import input_pipeline
from input_pipeline import preprocess

SIZE = 40
CHANNELS = 5
ROOT = pathlib.Path(command.__file__).parents[3]
V1 = tf.compat.v1


def _weights():
  """Draws what the graph below is made of, so that all classes are likely."""
  generator = np.random.default_rng(5)
  w = {
    'kernel': generator.uniform(-2, 2, (3, CHANNELS)),
    'mean': generator.uniform(-0.5, 0.5, CHANNELS),
    'variance': generator.uniform(0.1, 0.5, CHANNELS),
    'gamma': generator.choice((-2, 2), CHANNELS),
    'dense': generator.standard_normal((CHANNELS, 3)),
    'bias': np.zeros(3),
  }
  features, _ = _forward([np.linspace(0, 1, 10)[None]], w)
  w['bias'] = -(features @ w['dense'])[0]
  return {key: value.astype(np.float32) for key, value in w.items()}


def _batch_norm(x, weights, *, training):
  """Returns what a switch chooses: moving statistics, or the batch's.

  Two fused operations behind a conditional, as TensorFlow 1's layers make them.
  """
  offset = tf.zeros(CHANNELS)
  scale, mean, variance = (
    V1.get_variable(name, initializer=weights[name])
    for name in ('gamma', 'mean', 'variance')
  )

  def of_batch():
    return V1.nn.fused_batch_norm(x, scale, offset)[0]

  def of_variables():
    return V1.nn.fused_batch_norm(
      x, scale, offset, mean, variance, is_training=False
    )[0]

  if training is None:
    return of_variables()
  return V1.cond(training, of_batch, of_variables)


@pytest.fixture(scope='module', autouse=True)
def _control_flow_of_tensorflow_1():
  """Makes conditionals of Switch and Merge, which public graphs have."""
  V1.disable_control_flow_v2()
  yield
  V1.enable_control_flow_v2()


def _save(
  folder,
  *,
  size=SIZE,
  batch=None,
  training='is_training',
  extra=None,
  scale=1.0,
):
  """Saves a graph with the tensors of public ones; returns the two flags.

  Args:
    folder: new.
    size: side of its images.
    batch: None: any number of them.
    training: name of the switch; '': always trains; None: never.
    extra: function of the logits, for what should be refused.
    scale: of the probabilities.
  """
  weights = _weights()
  folder.mkdir()
  with tf.Graph().as_default():
    image = V1.placeholder(tf.float32, (batch, size, size, 3))
    V1.placeholder(tf.int64, (None,))  # Placeholder_1, the labels.
    if training:
      switch = V1.placeholder(tf.bool, (), name=training)
    else:
      switch = None if training is None else tf.constant(True)
    with V1.variable_scope('resnet_model', use_resource=False):
      kernel = V1.get_variable('kernel', initializer=weights['kernel'])
      x = tf.nn.conv2d(image, kernel[None, None], 1, 'SAME')
      x = tf.nn.relu(_batch_norm(x, weights, training=switch))
      x = tf.reduce_mean(x, (1, 2), keepdims=True)
      x = tf.identity(x, 'final_reduce_mean')
      dense = V1.get_variable('dense', initializer=weights['dense'])
      bias = V1.get_variable('bias', initializer=weights['bias'])
      logits = tf.matmul(tf.squeeze(x, (1, 2)), dense) + bias
      logits = tf.identity(logits, 'final_dense')
    if extra:
      logits = extra(logits)
    tf.multiply(scale, tf.nn.softmax(logits), name='softmax_tensor')
    with V1.Session() as session:
      session.run(V1.global_variables_initializer())
      V1.train.Saver().save(session, str(folder / 'model'))
  return [f'--meta={folder}/model.meta', f'--checkpoint={folder}/model']


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
  return _save(tmp_path_factory.mktemp('graphs') / 'public')


@pytest.fixture
def run(checkpoint, tfds_dir):
  """Runs the command on drawn slices."""

  def call(workdir, *arguments, model=None):
    return command.main(
      [
        *(model or checkpoint),
        '--dataset=phantom/tiny',
        f'--data_dir={tfds_dir}',
        f'--workdir={workdir}',
        '--batch=7',
        *arguments,
      ]
    )

  return call


def _bilinear(image, size):
  """Resizes as TensorFlow 1 does, from its definition: no half pixels."""
  for axis in (0, 1):
    length = image.shape[axis]
    place = np.arange(size) * (length / size)
    low = np.floor(place).astype(int)
    share = np.expand_dims(place - low, 1 - axis)
    high = np.minimum(low + 1, length - 1)
    image = (1 - share) * image.take(low, axis) + share * image.take(high, axis)
  return image


def _forward(images, weights):
  """Computes features and probabilities of gray images in [0, 1]."""
  w = {key: value.astype(np.float64) for key, value in weights.items()}
  x = np.stack(images)[..., None] * w['kernel'].sum(axis=0)
  x = w['gamma'] * (x - w['mean']) / np.sqrt(w['variance'] + 1e-3)
  features = np.maximum(x, 0).mean(axis=(1, 2))
  odds = np.exp(features @ w['dense'] + w['bias'])
  return features, odds / odds.sum(axis=1, keepdims=True)


def _expected(examples, size=SIZE, *, box=True):
  images = []
  for i in range(len(examples)):
    with Image.open(io.BytesIO(examples.read(i))) as file:
      image = np.asarray(file)
    if box:
      xmin, ymin, xmax, ymax = examples.box[i]
      image = image[ymin:ymax, xmin:xmax]
    images.append(_bilinear(image / 255, size))
  return _forward(images, _weights())


def _phantom(split, tfds_dir):
  config = {'name': 'phantom/tiny', 'path': '', 'image_folder': ''}
  return input_pipeline.load_split(
    ml_collections.ConfigDict(config | {'data_dir': tfds_dir}), split
  )


def _check(table, examples, expected):
  assert table['slice_id'].tolist() == examples.slice_id.tolist()
  assert table['label'].tolist() == examples.label.tolist()
  assert predictions.class_names(table) == ('Normal', 'CP', 'NCP')
  np.testing.assert_allclose(
    predictions.probabilities(table), expected, rtol=0, atol=2e-5
  )
  # Numbers that a mistake would move.
  assert np.ptp(expected, axis=0).min() > 0.01


def test_numbers_are_those_of_the_graph(tmp_path, run, tfds_dir, capsys):
  features = '--features=resnet_model/final_reduce_mean:0'
  assert run(tmp_path / 'a', '--split=val,test', features) == 0
  for split in ('val', 'test'):
    examples = _phantom(split, tfds_dir)
    assert len(examples) % 7  # The last batch has padding.
    means, expected = _expected(examples)
    folder = tmp_path / 'a' / 'predictions'
    _check(predictions.read(folder / f'{split}.csv'), examples, expected)
    with np.load(folder / f'{split}_features.npz') as file:
      assert (file['slice_id'] == examples.slice_id).all()
      np.testing.assert_allclose(file['features'], means, atol=2e-5)
  captured = capsys.readouterr()
  assert 'test: accuracy' in captured.out
  # A bar is for a terminal only.
  assert f'{len(examples)}/{len(examples)}' not in captured.err
  assert tf.executing_eagerly()


def test_real_slices(tmp_path, checkpoint, real_data):
  sample = real_data / 'covidx_ct_sample'
  arguments = [
    *checkpoint,
    '--dataset=covidx_ct/3a',
    f'--data={sample}',
    f'--data_dir={tmp_path}',
    f'--workdir={tmp_path}/a',
  ]
  assert command.main(arguments) == 0
  examples = input_pipeline.load_split(
    ml_collections.ConfigDict(
      {
        'name': 'covidx_ct/3a',
        'path': '',
        'image_folder': '',
        'data_dir': str(tmp_path),
      }
    ),
    'test',
  )
  assert len(examples) == 265
  table = predictions.read(tmp_path / 'a' / 'predictions' / 'test.csv')
  _check(table, examples, _expected(examples)[1])
  assert command.main([*arguments, '--split=val']) == 2


def test_grids_differ_as_the_docstring_says(real_data):
  folder = real_data / 'covidx_ct_sample'
  lines = (folder / 'test_COVIDx_CT-3A.txt').read_text().splitlines()[::10]
  to_opencv, to_ours, mean_to_ours = [], [], []
  for line in lines:
    name, _, *box = line.split()
    xmin, ymin, xmax, ymax = map(int, box)
    image = preprocess.decode((folder / '3A_images' / name).read_bytes())
    image = image[ymin:ymax, xmin:xmax]
    theirs = run_lib.to_input(image[..., None], 512).numpy()
    assert (theirs == theirs[..., :1]).all()
    np.testing.assert_allclose(
      theirs[..., 0], _bilinear(image / 255, 512), atol=2e-6
    )
    ours = preprocess.resize(image, 512, antialias=False)
    opencv = cv2.resize(image, (512, 512))
    to_opencv.append(np.abs(ours.astype(int) - opencv).max())
    difference = np.abs(255 * theirs[..., 0] - ours)
    to_ours.append(difference.max())
    mean_to_ours.append(difference.mean())
  assert max(to_opencv) == 1
  assert 5 < max(to_ours) <= 31
  assert 0.5 < np.mean(mean_to_ours) < 1.2


def test_the_graph_is_as_public_ones_are(checkpoint):
  graph, _ = graph_lib._read_graph(epath.Path(checkpoint[0].partition('=')[2]))
  kinds = {operation.type for operation in graph.get_operations()}
  assert {'VariableV2', 'Switch', 'Merge', 'FusedBatchNormV3'} <= kinds


def test_report_and_comparison(tmp_path, run, capsys):
  for name in 'ab':
    assert run(tmp_path / name, '--split=val,test', '--name=CT-2 L') == 0
  capsys.readouterr()
  a, b = str(tmp_path / 'a'), str(tmp_path / 'b')
  assert report.main([a, '--format=markdown']) == 0
  text = (tmp_path / 'a' / 'report' / 'report.md').read_text()
  for fact in ('CT-2 L', 'phantom/tiny', '40 x 40 pixels', 'cpu:TensorFlow'):
    assert fact in text
  assert compare.main([a, b]) == 0
  assert compare.main([a, b, '--split=val']) == 0


def test_a_work_directory_is_of_one_network(tmp_path, run, capsys):
  assert run(tmp_path / 'a', '--split=val') == 0
  before = (tmp_path / 'a' / 'predictions' / 'val.csv').read_bytes()
  # Again, and another split.
  assert run(tmp_path / 'a', '--split=val,test') == 0
  assert (tmp_path / 'a' / 'predictions' / 'val.csv').read_bytes() == before
  config = json.loads((tmp_path / 'a' / 'config.json').read_text())
  assert set(config['fingerprints']) == {'val', 'test'}
  assert len(json.loads((tmp_path / 'a' / 'run.json').read_text())) == 2
  capsys.readouterr()
  assert run(tmp_path / 'a', '--box=none') == 2
  assert 'data.box is annotated there, none here' in capsys.readouterr().err
  other = _save(tmp_path / 'other', training=None)
  assert run(tmp_path / 'a', model=other) == 2
  assert 'holds another run: model.graph is' in capsys.readouterr().err
  (tmp_path / 'a' / 'config.json').write_text('{')
  assert run(tmp_path / 'a') == 2
  assert 'config.json is cut off or damaged' in capsys.readouterr().err
  (tmp_path / 'a' / 'config.json').unlink()
  assert run(tmp_path / 'a') == 2
  assert 'test.csv, val.csv, and no config.json' in capsys.readouterr().err


def test_other_data_under_the_same_name_is_refused(tmp_path, run, capsys):
  assert run(tmp_path) == 0
  path = tmp_path / 'config.json'
  config = json.loads(path.read_text())
  config['fingerprints']['test'] = 'other'
  path.write_text(json.dumps(config))
  capsys.readouterr()
  assert run(tmp_path) == 2
  assert 'fingerprints.test is other there' in capsys.readouterr().err


@pytest.mark.parametrize(
  ('options', 'arguments'),
  [
    ({'training': None}, []),
    ({'batch': 4}, []),
    ({'batch': 1}, []),
    ({'training': 'phase'}, ['--training=phase:0']),
    ({'size': None}, [f'--size={SIZE}']),
    ({}, ['--batch=1']),
    ({}, ['--batch=1000']),
  ],
)
def test_other_graphs_and_batches(tmp_path, run, tfds_dir, options, arguments):
  model = _save(tmp_path / 'model', **options)
  assert run(tmp_path / 'a', *arguments, model=model) == 0
  examples = _phantom('test', tfds_dir)
  table = predictions.read(tmp_path / 'a' / 'predictions' / 'test.csv')
  _check(table, examples, _expected(examples)[1])


def test_whole_slices(tmp_path, run, tfds_dir):
  assert run(tmp_path, '--box=none') == 0
  examples = _phantom('test', tfds_dir)
  table = predictions.read(tmp_path / 'predictions' / 'test.csv')
  _check(table, examples, _expected(examples, box=False)[1])


@pytest.mark.parametrize(
  ('options', 'message'),
  [
    ({'training': ''}, r'graph is in training mode, or draws at random'),
    ({'training': 'phase'}, r'also needs phase:0 \(bool \(\)\)'),
    ({'scale': 1.01}, r'expected 3 probabilities that add up to 1'),
    ({'scale': float('nan')}, r'got \[nan, nan, nan\]; expected'),
    (
      {'extra': lambda x: tf.concat([x, x], axis=1)},
      r'softmax_tensor:0 is float32 \(None, 6\); expected \[N, 3\]',
    ),
    (
      {'extra': lambda x: tf.reshape(x[:1], (1, 3))},
      r'softmax_tensor:0 is float32 \(1, 3\)|gave \[1, 3\]',
    ),
    ({'extra': lambda x: 0 * tf.ones((7, 3))}, r'not made from --image='),
  ],
)
def test_graphs_that_are_refused(tmp_path, run, capsys, options, message):
  model = _save(tmp_path / 'model', **options)
  assert run(tmp_path / 'a', model=model) == 2
  _is_one_line(capsys, message)
  assert not (tmp_path / 'a' / 'predictions').exists()


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['--meta=nowhere.meta'], r'--meta=nowhere.meta is no file'),
    (['--checkpoint=nowhere'], r'no nowhere.index. Give .* in that folder'),
    (
      ['--image=input:0'],
      r'--image=input:0: the graph has no such tensor. Its placeholders: '
      r'Placeholder:0 \(float32 \(None, 40, 40, 3\)\), Placeholder_1:0 .*'
      r'is_training:0 .*Tensors \[N, 3\]: .*softmax_tensor:0',
    ),
    (['--probabilities=softmax'], r'--probabilities=softmax: the graph has no'),
    (
      ['--probabilities=resnet_model/final_dense:0'],
      r'probabilities that add up to 1. Name the tensor behind the softmax',
    ),
    (['--features=no:0'], r'--features=no:0: the graph has no such tensor'),
    (['--features=resnet_model/Relu:0'], r'expected \[N, F\] or \[N, 1, 1, F'),
    (['--training=no:0'], r'--training=no:0: the graph has no such tensor'),
    (['--training=Placeholder_1:0'], r'is int64 \(None,\); expected a bool'),
    (['--image=Placeholder_1:0'], r'is int64 .*expected float32 \[N, 512, 512'),
    (['--size=48'], r'is float32 \(None, 40, 40, 3\); expected .* 48, 48, 3'),
    (['--size=0'], r'--size=0; expected 1 or more'),
    (['--batch=0'], r'--batch=0; expected 1 or more'),
    (['--split=holdout'], r"phantom/tiny has no split 'holdout'"),
    (['--split='], r"phantom/tiny has no split ''"),
    (['--dataset=covidx_ct/9'], r"no dataset 'covidx_ct/9'"),
    (['--dataset=covidx_ct/2a'], r'not prepared yet: set --data to the folder'),
  ],
)
def test_arguments_that_are_refused(tmp_path, run, capsys, arguments, message):
  assert run(tmp_path / 'a', *arguments) == 2
  _is_one_line(capsys, message)
  assert not (tmp_path / 'a' / 'predictions').exists()


@pytest.mark.parametrize(
  ('name', 'content', 'message'),
  [
    ('model.meta', b'no graph', r'model.meta is no graph that TensorFlow'),
    ('model.meta', b'', r'model.meta is no graph|without variables'),
    ('model.index', b'no index', r'cannot be restored into the graph'),
    ('model.data-00000-of-00001', b'', r'cannot be restored into the graph'),
    ('model.data-00000-of-00001', None, r'cannot be restored into the graph'),
    ('model.index', None, r'no model.index. .* in that folder: none'),
  ],
)
def test_damaged_files(
  tmp_path, run, checkpoint, capsys, name, content, message
):
  folder = tmp_path / 'damaged'
  shutil.copytree(pathlib.Path(checkpoint[0].partition('=')[2]).parent, folder)
  if content is None:
    (folder / name).unlink()
  else:
    (folder / name).write_bytes(content)
  model = [f'--meta={folder}/model.meta', f'--checkpoint={folder}/model']
  assert run(tmp_path / 'a', model=model) == 2
  _is_one_line(capsys, message)


def test_weights_of_another_graph_are_refused(
  tmp_path, run, checkpoint, capsys
):
  with tf.Graph().as_default(), V1.Session() as session:
    V1.get_variable('other', initializer=1.0)
    session.run(V1.global_variables_initializer())
    V1.train.Saver().save(session, str(tmp_path / 'model'))
  assert run(tmp_path, f'--checkpoint={tmp_path}/model') == 2
  _is_one_line(capsys, r'cannot be restored .* --checkpoint of one model')


def test_other_classes_are_refused(tmp_path, run, capsys):
  for name in ('covid', 'normal'):
    folder = tmp_path / 'images' / 'test' / name
    folder.mkdir(parents=True)
    Image.new('L', (50, 50)).save(folder / f'{name}.png')
  arguments = ('--dataset=image_folder', f'--data={tmp_path}/images')
  assert run(tmp_path / 'a', *arguments) == 2
  _is_one_line(capsys, r'are covid, normal; expected Normal, CP, NCP, in this')


def test_published_matrices():
  matrix = [list(row) for row in published.CONFUSIONS[0].counts]
  split = (published.DATASET, published.SPLIT)
  same, other = command.beside_published(*split, matrix)
  assert same.endswith('the same.')
  assert other.endswith('at least 54 slices differ.')
  matrix[0][0] -= 1
  assert command.beside_published(*split, matrix) == []
  assert command.beside_published('covidx_ct/3a', 'test', matrix) == []


def test_command(tmp_path):
  result = subprocess.run(
    [
      sys.executable,
      '-m',
      'bit_covid.paper.covidnet',
      '--meta=no.meta',
      '--checkpoint=no',
      f'--workdir={tmp_path}',
    ],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 2
  assert result.stderr.splitlines()[-1].startswith('Error: --meta=no.meta is')
  assert 'Traceback' not in result.stderr


def _is_one_line(capsys, message):
  """Checks that the error is the last line, whatever a progress bar drew."""
  captured = capsys.readouterr()
  assert captured.err.endswith('\n')
  line = captured.err.rstrip('\n').rpartition('Error: ')[2]
  assert '\n' not in line
  assert 'Traceback' not in captured.err
  assert re.search(message, line), line
