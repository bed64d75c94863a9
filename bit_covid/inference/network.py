# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A trained network with its preprocessing, applied to images."""

from collections.abc import Callable, Sequence
import functools
from typing import Any

import jax
import numpy as np
import scipy.special

from bit_covid.base import devices
from bit_covid.models import class_maps
from bit_covid.models import gradcam
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz

# Of a public checkpoint, which says nothing of it: the paper's.
DEFAULT_PREPROCESSING = {
  'box': 'automatic',
  'crop': 480,
  'antialias': False,
  # `conventions.FULL_RANGE_16BIT`, with which TensorFlow would come.
  'range_16bit': (0, 65_535),
}

# Images at once; the last, partial batch is filled up, so that one program is
# compiled and not one for each number of images.
_BATCH = 16


class Network:
  """A network with its parameters and how its images are prepared.

  Attributes:
    class_names: in the order of the logits.
    model: a key of `resnet_v2.MODELS`.
    params: parameter tree.
    preprocessing: fields of the config's `data` that concern an image.
    window: center and width in Hounsfield units behind gray values 0 to 255;
      None: not known.
    temperature: divides the logits for calibrated probabilities; None: not
      known, the probabilities are not calibrated.
    facts: how the checkpoint came about; empty: it is not known.
  """

  def __init__(self, checkpoint: bit_npz.Checkpoint):
    """Creates the network of a checkpoint."""
    self.class_names = checkpoint.metadata.class_names
    self.model = checkpoint.model
    self.params = devices.replicate(checkpoint.params)
    self.preprocessing = dict(
      checkpoint.metadata.preprocessing or DEFAULT_PREPROCESSING
    )
    self.window = checkpoint.metadata.window
    self.temperature = checkpoint.metadata.temperature
    self.facts = dict(checkpoint.metadata.facts)
    self._network = resnet_v2.create(
      self.model, num_classes=len(self.class_names)
    )

  @functools.cached_property
  def _forward(self):
    """The network as a compiled function of float images, on one device."""

    def forward(params, images):
      logits, intermediates = self._network.apply({'params': params}, images)
      return {'logits': logits, 'features': intermediates['features']}

    return jax.jit(forward)

  def logits(self, images: np.ndarray | jax.Array) -> np.ndarray:
    """Returns `[N, C]` float32 for `[N, S, S, 3 or 1]` float in [-1, 1].

    Raises:
      ValueError: shape or values are not as they should be.
    """
    return self._apply(self._forward, images)['logits']

  def features(self, images: np.ndarray | jax.Array) -> np.ndarray:
    """Returns `[N, F]` float32, what the head takes; images as for `logits`."""
    return self._apply(self._forward, images)['features']

  def gradcam(
    self,
    images: np.ndarray | jax.Array,
    class_index: int | Sequence[int] | np.ndarray | None = None,
  ) -> np.ndarray:
    """Returns `[N, S, S]` float32 in [0, 1], which pixels speak for a class.

    Args:
      images: as for `logits`.
      class_index: one for all images or one for each; None: the predicted one.

    Raises:
      ValueError: images or class are not as they should be.
    """
    forward = functools.partial(gradcam.apply, self._network)
    if class_index is None:
      return self._apply(forward, images)
    classes = gradcam.check_class_index(
      class_index,
      num_images=len(images),
      num_classes=len(self.class_names),
    )
    return self._apply(forward, images, classes)

  def probabilities(self, prepared: np.ndarray) -> np.ndarray:
    """Returns `[N, C]` float64, calibrated if the temperature is known.

    Args:
      prepared: `[N, S, S, 1]` uint8, as `prepare` makes them.
    """
    logits = self.logits(np.asarray(normalize.to_model_range(prepared)))
    return self._calibrated(logits)

  def probabilities_and_maps(
    self, prepared: np.ndarray
  ) -> tuple[np.ndarray, np.ndarray]:
    """Returns what `probabilities` does, and a small map of each class.

    Maps are `[N, C, h, w]` float32, for `class_maps.enlarge`. They are of the
    same pass as the probabilities and cost next to nothing.

    Args:
      prepared: as for `probabilities`.
    """
    logits, maps = self._apply(
      functools.partial(class_maps.apply, self._network),
      np.asarray(normalize.to_model_range(prepared)),
    )
    return self._calibrated(logits), maps

  def _calibrated(self, logits: np.ndarray) -> np.ndarray:
    scores = logits.astype(np.float64) / (self.temperature or 1.0)
    return scipy.special.softmax(scores, axis=1)

  def prepare(self, gray: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns a slice as in the training, and the box that it was cropped to.

    Where the training went by annotated boxes, the automatic one takes their
    place. None for a box: the whole slice.

    Args:
      gray: `[H, W]` uint8.
    """
    # TensorFlow: only those who need it wait for it.
    from input_pipeline import body_crop
    from input_pipeline import preprocess

    box = None
    if self.preprocessing['box'] != 'none':
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
    """Returns `forward(params, images, *others)` as NumPy, batch by batch."""
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
  """Returns the part of a batch with zeros up to a whole one."""
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
