# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Grad-CAM equal to PyTorch's autograd on Hugging Face's BiT."""

import importlib.util
import itertools
import sys
import types

import jax
import numpy as np
import pytest

from bit_covid.models import gradcam
from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz

torch = pytest.importorskip('torch', reason='needs the extra peers')

pytestmark = pytest.mark.peers

SHAPES = pytest.mark.parametrize(
  'shape', [(160, 160), (161, 129)], ids=['even', 'odd']
)
MODELS = pytest.mark.parametrize(
  'model', ['tiny', pytest.param('R50x1', marks=pytest.mark.slow)]
)
CLASSES = 5


class _Logits(torch.nn.Module):
  """A network that returns its logits alone."""

  def __init__(self, network):
    super().__init__()
    self.network = network

  @property
  def last_layer(self):
    """The final norm, whose ReLU is within."""
    return self.network.bit.norm

  def forward(self, pixels):
    return self.network(pixels).logits


@pytest.fixture
def both(random_params, make_peer):
  """Returns our network and parameters, images, the peer, and pixels for it."""

  def make(model, shape):
    params = random_params(model, num_classes=CLASSES)
    images = np.random.default_rng(1).uniform(-1, 1, (2, *shape, 3))
    images = images.astype(np.float32)
    pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    peer = _Logits(make_peer(model, bit_npz.to_arrays(params), CLASSES))
    network = resnet_v2.create(model, num_classes=CLASSES)
    return network, params, images, peer, pixels

  return make


@pytest.fixture
def pytorch_grad_cam(monkeypatch):
  """The package, which needs torchvision for what is not compared here.

  torchvision's wheel on PyPI belongs to PyTorch with CUDA and cannot be
  imported beside the CPU build; names that are never called stand in for it.
  """
  if importlib.util.find_spec('torchvision') is None:
    for name in ('', '.transforms', '.transforms.functional'):
      module = types.ModuleType(f'torchvision{name}')
      for attribute in ('Compose', 'Normalize', 'ToTensor', 'resize'):
        setattr(module, attribute, None)
      monkeypatch.setitem(sys.modules, f'torchvision{name}', module)
  package = pytest.importorskip(
    'pytorch_grad_cam', reason='needs pip install --no-deps grad-cam ttach'
  )
  from pytorch_grad_cam.utils import model_targets

  return package, model_targets


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
def test_maps_of_autograd(both, model, shape):
  network, params, images, peer, pixels = both(model, shape)
  _, intermediates = jax.jit(network.apply)({'params': params}, images)
  feature_map, gradients = _autograd(peer, pixels)
  compared = 0
  for method, c in itertools.product(('gradcam', 'hirescam'), range(CLASSES)):
    small = _definition(feature_map, gradients[c], method=method)
    ours = gradcam.cam(
      intermediates['feature_map'],
      params['head']['kernel'],
      c,
      size=tuple(small.shape[1:]),
    )
    compared += _assert_like(ours, small.numpy())
    large = torch.nn.functional.interpolate(
      small[:, None], size=shape, mode='bilinear', align_corners=False
    )[:, 0]
    _, ours = gradcam.logits_and_maps(network, params, images, c)
    _assert_like(ours, large.numpy())
  # A map of a random head is zero everywhere now and then.
  assert compared >= 6


@SHAPES
def test_maps_of_pytorch_grad_cam(both, pytorch_grad_cam, shape):
  peer_cam, model_targets = pytorch_grad_cam
  network, params, images, peer, pixels = both('tiny', shape)
  compared = 0
  with peer_cam.GradCAM(peer, [peer.last_layer]) as cam:
    for c in range(CLASSES):
      targets = [model_targets.ClassifierOutputTarget(c)] * len(images)
      expected = cam(pixels, targets)
      _, actual = gradcam.logits_and_maps(network, params, images, c)
      compared += _assert_like(actual, expected)
  assert compared >= 3
