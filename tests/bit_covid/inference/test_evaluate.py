# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Every slice once, whatever the batch and the number of devices."""

import io

import jax
import ml_collections
import numpy as np
from PIL import Image
import pytest

from bit_covid.base import devices
from bit_covid.inference import evaluate
from bit_covid.models import resnet_v2
import input_pipeline

CONFIG = ml_collections.ConfigDict(
  {
    'box': 'none',
    'crop': 32,
    'antialias': False,
  }
)


def _examples(count):
  generator = np.random.default_rng(0)
  images = generator.integers(0, 256, (count, 32, 32), np.uint8)

  def png(i):
    buffer = io.BytesIO()
    Image.fromarray(images[i]).save(buffer, 'PNG')
    return buffer.getvalue()

  names = np.array([f'slice-{i}' for i in range(count)])
  examples = input_pipeline.Examples(
    class_names=('Normal', 'CP', 'NCP'),
    slice_id=names,
    patient_id=names,
    source=names,
    label=generator.integers(0, 3, count, np.int32),
    box=np.zeros((count, 4), np.int32),
    digest=names,
    read=png,
  )
  return examples, images


@pytest.fixture(scope='module')
def network():
  return resnet_v2.create('tiny', num_classes=3)


@pytest.fixture(scope='module')
def forward(network):
  return evaluate.make_forward(network)


@pytest.mark.parametrize('batch', [2, 8, 16])
@pytest.mark.parametrize('count', [1, 8, 13])
def test_outputs_are_those_of_each_slice(
  network, forward, random_params, count, batch
):
  params = random_params('tiny')
  examples, images = _examples(count)
  outputs = evaluate.evaluate(
    forward, devices.replicate(params), examples, CONFIG, batch=batch
  )
  values = (images.astype(np.float32) - 127.5)[..., None] / 127.5
  logits, intermediates = jax.jit(network.apply)({'params': params}, values)
  assert outputs.logits.shape == (count, 3)
  np.testing.assert_allclose(outputs.logits, logits, rtol=1e-4, atol=1e-4)
  np.testing.assert_allclose(
    outputs.features, intermediates['features'], rtol=1e-4, atol=1e-4
  )


def test_slices_that_are_missing_are_noticed(
  forward, random_params, monkeypatch
):
  examples, _ = _examples(8)
  batches = list(
    input_pipeline.as_numpy(
      input_pipeline.evaluation_batches(examples, CONFIG, batch=4)
    )
  )
  params = devices.replicate(random_params('tiny'))
  for wrong in (batches[:1], [*batches, batches[0]]):
    monkeypatch.setattr(
      input_pipeline, 'as_numpy', lambda _, w=wrong: (batch for batch in w)
    )
    with pytest.raises(RuntimeError, match=r'8 slices should .* once each'):
      evaluate.evaluate(forward, params, examples, CONFIG, batch=4)


def test_an_error_ends_the_input(random_params, monkeypatch):
  streams = []
  original = input_pipeline.as_numpy

  def as_numpy(dataset):
    streams.append(original(dataset))
    return streams[-1]

  def forward(prepared, batch):
    raise FloatingPointError

  monkeypatch.setattr(input_pipeline, 'as_numpy', as_numpy)
  examples, _ = _examples(8)
  params = devices.replicate(random_params('tiny'))
  with pytest.raises(FloatingPointError):
    evaluate.evaluate(forward, params, examples, CONFIG, batch=4)
  (stream,) = streams
  assert stream.gi_frame is None  # Closed, though the error refers to it.


def test_batch_that_does_not_divide_by_the_devices(forward):
  examples, _ = _examples(4)
  with pytest.raises(ValueError, match=r'config.eval_batch=3.*2 devices'):
    evaluate.evaluate(forward, {}, examples, CONFIG, batch=3)


def test_probabilities_of_large_logits():
  logits = np.array([[1e4, 0, -1e4], [0, 0, 0]], np.float32)
  outputs = evaluate.Outputs(logits=logits, features=np.zeros((2, 1)))
  np.testing.assert_allclose(
    outputs.probabilities, [[1, 0, 0], [1 / 3] * 3], atol=1e-15
  )
  assert outputs.probabilities.dtype == np.float64


def test_accuracy_and_loss_by_hand():
  logits = np.log(np.array([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]], np.float32))
  outputs = evaluate.Outputs(logits=logits, features=np.zeros((2, 1)))
  accuracy, loss = evaluate.accuracy_and_loss(outputs, np.array([0, 1]))
  assert accuracy == 0.5
  assert loss == pytest.approx(-(np.log(0.5) + np.log(0.2)) / 2, rel=1e-6)


def test_loss_of_a_confident_error_is_finite():
  outputs = evaluate.Outputs(
    logits=np.array([[2000, 0, 0]], np.float32), features=np.zeros((1, 1))
  )
  accuracy, loss = evaluate.accuracy_and_loss(outputs, np.array([1]))
  assert (accuracy, loss) == (0, 2000)
