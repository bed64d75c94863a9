# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Grad-CAM equal to PyTorch's autograd on Hugging Face's BiT."""

import itertools

import jax
import numpy as np
import pytest

from bit_covid import bit_npz
from bit_covid import gradcam
from bit_covid import resnet_v2

torch = pytest.importorskip('torch', reason='needs the extra peers')
transformers = pytest.importorskip(
  'transformers', reason='needs the extra peers'
)

pytestmark = pytest.mark.peers

SHAPES = pytest.mark.parametrize(
  'shape', [(160, 160), (161, 129)], ids=['even', 'odd']
)
MODELS = pytest.mark.parametrize(
  'model', ['tiny', pytest.param('R50x1', marks=pytest.mark.slow)]
)
CLASSES = 5


class _Peer(torch.nn.Module):
  """The peer's network with the arrays of a BiT file; it returns logits."""

  def __init__(self, model, arrays):
    super().__init__()
    size = resnet_v2.MODELS[model]
    hidden_sizes = [4 * size.width * 2**i for i in range(len(size.block_units))]
    config = transformers.BitConfig(
      layer_type='preactivation',
      depths=list(size.block_units),
      # Its head ignores `width_factor`: the sizes are given as they are.
      embedding_size=size.width,
      hidden_sizes=hidden_sizes,
      num_groups=size.num_groups,
      num_labels=CLASSES,
    )
    self.network = transformers.BitForImageClassification(config)
    state = {}
    for key, array in arrays.items():
      if array.ndim == 4:
        array = array.transpose(3, 2, 0, 1)
      if 'head' in key and array.ndim == 4:
        array = array[:, :, 0, 0]
      state[_peer_name(key)] = torch.from_numpy(np.ascontiguousarray(array))
    self.network.load_state_dict(state, strict=True)
    self.eval()

  @property
  def last_layer(self):
    """The final norm, whose ReLU is within."""
    return self.network.bit.norm

  def forward(self, pixels):
    return self.network(pixels).logits


def _peer_name(key):
  parts = key.split('/')
  leaf = {'gamma': 'weight', 'kernel': 'weight'}.get(parts[-1], 'bias')
  if parts[1] == 'root_block':
    return f'bit.embedder.convolution.{leaf}'
  if parts[1] == 'group_norm':
    return f'bit.norm.{leaf}'
  if parts[1] == 'head':
    return f'classifier.1.{leaf}'
  block, unit = int(parts[1][5:]) - 1, int(parts[2][4:]) - 1
  number = 'abc'.index(parts[3]) + 1
  module = 'downsample.conv' if parts[4] == 'proj' else f'conv{number}'
  if parts[4] == 'group_norm':
    module = f'norm{number}'
  return f'bit.encoder.stages.{block}.layers.{unit}.{module}.{leaf}'


def _both(random_params, model, shape):
  """Returns our feature map and head, the peer, and pixels for it."""
  params = random_params(model, num_classes=CLASSES)
  images = np.random.default_rng(1).uniform(-1, 1, (2, *shape, 3))
  images = images.astype(np.float32)
  pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
  peer = _Peer(model, bit_npz.to_arrays(params))
  network = resnet_v2.create(model, num_classes=CLASSES)
  return network, params, images, peer, pixels


def _autograd(peer, pixels):
  """Returns the last feature map and its gradient for each class."""
  seen = []
  hook = peer.last_layer.register_forward_hook(
    lambda module, inputs, output: seen.append(output)
  )
  logits = peer(pixels)
  hook.remove()
  gradients = [
    torch.autograd.grad(logits[:, c].sum(), seen, retain_graph=True)[0]
    for c in range(CLASSES)
  ]
  return seen[0].detach(), gradients


def _definition(feature_map, gradient, *, method):
  """Returns `[N, h, w]`."""
  if method == 'gradcam':
    gradient = gradient.mean(dim=(2, 3), keepdim=True)
  return torch.relu((gradient * feature_map).sum(dim=1))


def _correlation(a, b):
  return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def _assert_like(actual, expected):
  """Asserts it of each map; returns how many were not zero everywhere."""
  count = 0
  for ours, theirs in zip(np.asarray(actual), expected, strict=True):
    assert ours.any() == theirs.any()
    if theirs.any():
      assert _correlation(ours, theirs) >= 0.999
      count += 1
  return count


@SHAPES
@MODELS
def test_maps_of_autograd(random_params, model, shape):
  network, params, images, peer, pixels = _both(random_params, model, shape)
  _, intermediates = jax.jit(network.apply)({'params': params}, images)
  feature_map, gradients = _autograd(peer, pixels)
  compared = 0
  for method, c in itertools.product(gradcam.METHODS, range(CLASSES)):
    small = _definition(feature_map, gradients[c], method=method)
    ours = gradcam.cam(
      intermediates['feature_map'],
      params['head']['kernel'],
      c,
      size=tuple(small.shape[1:]),
      method=method,
    )
    compared += _assert_like(ours, small.numpy())
    large = torch.nn.functional.interpolate(
      small[:, None], size=shape, mode='bilinear', align_corners=False
    )[:, 0]
    ours = gradcam.apply(network, params, images, c, method=method)
    _assert_like(ours, large.numpy())
  # A map of a random head is zero everywhere now and then.
  assert compared >= 6


@SHAPES
def test_maps_of_pytorch_grad_cam(random_params, shape):
  peer_cam = pytest.importorskip('pytorch_grad_cam', reason='needs grad-cam')
  from pytorch_grad_cam.utils import model_targets

  network, params, images, peer, pixels = _both(random_params, 'tiny', shape)
  compared = 0
  with peer_cam.GradCAM(peer, [peer.last_layer]) as cam:
    for c in range(CLASSES):
      targets = [model_targets.ClassifierOutputTarget(c)] * len(images)
      expected = cam(pixels, targets)
      actual = gradcam.apply(network, params, images, c)
      compared += _assert_like(actual, expected)
  assert compared >= 3
