# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A trained network with its preprocessing, applied to images."""

from collections.abc import Callable, Sequence
import functools
import os
from typing import Any, NamedTuple, Self

import jax
import numpy as np
import scipy.special

from bit_covid.base import devices
from bit_covid.inference import detector as detector_lib
from bit_covid.models import class_maps
from bit_covid.models import gradcam
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz
from bit_covid.weights import find

# The paper's preprocessing, for public checkpoints, which do not name theirs.
DEFAULT_PREPROCESSING = {
  'box': 'automatic',
  'crop': 480,
  'antialias': False,
  # `conventions.FULL_RANGE_16BIT`, whose import would load TensorFlow.
  'range_16bit': (0, 65_535),
}

# Images per forward pass. A smaller last batch is padded, so that only one
# program is compiled.
_BATCH = 16


class Outputs(NamedTuple):
  """What one pass computes of N slices.

  Attributes:
    probabilities: `[N, C]` float64, calibrated if the temperature is known.
    distances: how unlike the training slices each is, `[N]` float64; None: the
      network has no detector.
    maps: the Grad-CAM map of each class, of the size of the last feature map,
      `[N, C, h, w]` float32, for `class_maps.enlarge`; None: not computed.
  """

  probabilities: np.ndarray
  distances: np.ndarray | None = None
  maps: np.ndarray | None = None


class Network:
  """A network with its parameters and its preprocessing.

  Attributes:
    class_names: in the order of the logits.
    model_name: a key of `resnet_v2.MODELS`.
    params: parameter tree.
    preprocessing: fields of the config's `data` that concern an image.
    window: center and width, in Hounsfield units, of the window that maps to
      gray values 0 to 255; None: not known.
    temperature: divides the logits before the softmax; None: not known, so
      the probabilities are not calibrated.
    facts: of the training, such as the name of its data; empty: not known.
    detector: of slices that are unlike those of the training; None: there is
      none.
    no_detector: why there is none, as a part of a sentence.
  """

  def __init__(self, checkpoint: bit_npz.Checkpoint):
    """Creates the network of a checkpoint."""
    self.class_names = checkpoint.metadata.class_names
    self.model_name = checkpoint.model_name
    self.params = devices.replicate(checkpoint.params)
    self.preprocessing = dict(
      checkpoint.metadata.preprocessing or DEFAULT_PREPROCESSING
    )
    self.window = checkpoint.metadata.window
    self.temperature = checkpoint.metadata.temperature
    self.facts = dict(checkpoint.metadata.facts)
    self.detector: detector_lib.Detector | None = None
    self.no_detector = 'the network was not loaded from a file'
    self._network = resnet_v2.create(
      self.model_name, num_classes=len(self.class_names)
    )

  @classmethod
  def load(cls, name: str | os.PathLike[str]) -> Self:
    """Returns the network of a name that `bit_covid.load` takes.

    Raises:
      FileNotFoundError: there is no such checkpoint.
      ValueError: the file is no checkpoint, or its detector is damaged.
    """
    path = find.find_checkpoint(name)
    network = cls(bit_npz.load(path))
    network.detector, network.no_detector = detector_lib.find(
      path, num_features=len(network.params['head']['kernel'])
    )
    return network

  @functools.cached_property
  def _forward(self):
    """The network as a compiled function of float images, on one device."""

    def forward(params, images):
      logits, intermediates = self._network.apply({'params': params}, images)
      return {'logits': logits, 'features': intermediates['features']}

    return jax.jit(forward)

  def logits(self, images: np.ndarray | jax.Array) -> np.ndarray:
    """Returns the logits, `[N, C]` float32.

    Args:
      images: `[N, S, S, 1 or 3]` float in [-1, 1].

    Raises:
      ValueError: the shape, dtype or range of the images is wrong.
    """
    return self._apply(self._forward, images)['logits']

  def features(self, images: np.ndarray | jax.Array) -> np.ndarray:
    """Returns the input of the head, `[N, F]` float32; images as `logits`."""
    return self._apply(self._forward, images)['features']

  def gradcam(
    self,
    images: np.ndarray | jax.Array,
    class_index: int | Sequence[int] | np.ndarray | None = None,
  ) -> np.ndarray:
    """Returns the class activation maps, `[N, S, S]` float32 in [0, 1].

    Args:
      images: as for `logits`.
      class_index: one for all images, or `[N]`; None: the predicted class.

    Raises:
      ValueError: images or class index are invalid.
    """
    forward = functools.partial(gradcam.logits_and_maps, self._network)
    if class_index is None:
      return self._apply(forward, images)[1]
    classes = gradcam.check_class_index(
      class_index,
      num_images=len(images),
      num_classes=len(self.class_names),
    )
    return self._apply(forward, images, classes)[1]

  def probabilities(self, prepared: np.ndarray) -> np.ndarray:
    """Returns `[N, C]` float64, calibrated if the temperature is known.

    Args:
      prepared: `[N, S, S, 1]` uint8, of `prepare`.
    """
    logits = self.logits(np.asarray(normalize.to_model_range(prepared)))
    return self._calibrated(logits)

  def outputs(self, prepared: np.ndarray, *, with_maps: bool) -> Outputs:
    """Returns probabilities, distances and maps of slices, in one pass.

    Args:
      prepared: `[N, S, S, 1]` uint8, of `prepare`.
      with_maps: whether maps are computed.
    """
    images, maps = np.asarray(normalize.to_model_range(prepared)), None
    if with_maps:
      forward = functools.partial(class_maps.apply, self._network)
      logits, features, maps = self._apply(forward, images)
    else:
      found = self._apply(self._forward, images)
      logits, features = found['logits'], found['features']
    # First, as it refuses what is not finite.
    probabilities = self._calibrated(logits)
    distances = self.detector and self.detector.distances(features)
    return Outputs(probabilities, distances, maps)

  def _calibrated(self, logits: np.ndarray) -> np.ndarray:
    if not np.isfinite(logits).all():
      raise ValueError(
        'The network gives logits that are NaN or infinite, as its parameters '
        'are too large. Take another checkpoint, or train again.'
      )
    scores = logits.astype(np.float64) / (self.temperature or 1.0)
    return scipy.special.softmax(scores, axis=1)

  def prepare(
    self, gray: np.ndarray, annotated: np.ndarray | None = None
  ) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns a slice, prepared as in training, and the box of its crop.

    The slice is `[S, S, 1]` uint8. The box is `[4]` int (xmin, ymin, xmax,
    ymax); None means that the whole slice was taken.

    Args:
      gray: `[H, W]` uint8.
      annotated: the annotated box, used if the training used such boxes. A box
        is found automatically without one, and where it is four zeros.
    """
    # These load TensorFlow, which logits and maps do not need.
    from input_pipeline import body_crop
    from input_pipeline import preprocess

    kind, box = self.preprocessing['box'], None
    if kind == 'annotated' and annotated is not None and annotated.any():
      box = annotated
    elif kind != 'none':
      box = body_crop.body_box(gray)
    prepared = preprocess.prepare(
      gray,
      box,
      self.preprocessing['crop'],
      antialias=self.preprocessing['antialias'],
    )
    return prepared, box

  def _apply(
    self,
    forward: Callable[..., Any],
    images: np.ndarray | jax.Array,
    *others: np.ndarray,
  ) -> Any:
    """Returns `forward(params, images, *others)`, computed in whole batches."""
    images = np.asarray(images)
    _check_images(images)
    parts = []
    for start in range(0, len(images), _BATCH):
      part = [array[start : start + _BATCH] for array in (images, *others)]
      part[0] = part[0].astype(np.float32)
      outputs = forward(self.params, *map(_fill, part))
      kept = len(part[0])
      parts.append(jax.tree.map(lambda x, n=kept: np.asarray(x)[:n], outputs))
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def _fill(part: np.ndarray) -> np.ndarray:
  """Returns the array padded with zeros to a whole batch."""
  return np.pad(part, [(0, _BATCH - len(part))] + [(0, 0)] * (part.ndim - 1))


def _check_images(images: np.ndarray) -> None:
  if images.ndim != 4 or images.shape[-1] not in (1, 3) or not len(images):
    raise ValueError(
      f'Images have the shape {images.shape}; expected [N, S, S, 1] or '
      '[N, S, S, 3] with N of 1 or more.'
    )
  if not np.issubdtype(images.dtype, np.floating):
    raise ValueError(
      f'Images are {images.dtype}; expected float in [-1, 1]: '
      '(x - 127.5) / 127.5 of 8-bit gray values.'
    )
  # NaN fails this comparison too.
  if not (images.min() >= -1.001 and images.max() <= 1.001):
    raise ValueError(
      f'Images have values from {images.min()} to {images.max()}; expected '
      '[-1, 1]: (x - 127.5) / 127.5 of 8-bit gray values.'
    )
