# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A trained network with its preprocessing, applied to images."""

from collections.abc import Sequence
import functools
import os
from typing import NamedTuple, Self

import jax
import numpy as np
from numpy import typing as npt
import scipy.special

from bit_covid.analysis import similar_patients
from bit_covid.inference import detector as detector_lib
from bit_covid.inference import engine as engine_lib
from bit_covid.inference import preparation
from bit_covid.inference import validation_patients
from bit_covid.inference import whole_batches
from bit_covid.models import ensemble
from bit_covid.models import gradcam
from bit_covid.models import normalize
from bit_covid.weights import bit_npz
from bit_covid.weights import ensemble_checkpoint
from bit_covid.weights import find


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
    model_name: a key of `resnet_v2.MODELS`; of an ensemble, those of all.
    model: for `model.apply({'params': params}, images)`, the Flax module or an
      ensemble of them.
    params: parameter tree, float32, on the first local device.
    preprocessing: fields of the config's `data` that concern an image; `crop`
      is S, the side of the images in pixels.
    window: center and width, in Hounsfield units, of the window that maps to
      gray values 0 to 255; None: not known.
    temperature: divides the logits before the softmax; None: not known, so
      the probabilities are not calibrated.
    facts: of the training, such as the name of its data; empty: not known.
    detector: of slices that are unlike those of the training; None: there is
      none. Of an ensemble, that of the first network.
    no_detector: why there is none, as a part of a sentence.
    patients: of val, with what the network said of them; None: not known.
    no_patients: why they are not known, as a part of a sentence.
    engine: computes `outputs`. All other methods use JAX.
  """

  engine: engine_lib.Engine

  def __init__(self, checkpoint: bit_npz.Checkpoint):
    """Creates the network of a checkpoint, computed by JAX."""
    self.class_names = checkpoint.metadata.class_names
    self.model_name = checkpoint.model_name
    self.params = jax.device_put(checkpoint.params, jax.local_devices()[0])
    self.preprocessing = dict(
      checkpoint.metadata.preprocessing or preparation.DEFAULT
    )
    self.window = checkpoint.metadata.window
    self.temperature = checkpoint.metadata.temperature
    self.facts = dict(checkpoint.metadata.facts)
    self.detector: detector_lib.Detector | None = None
    self.no_detector = 'the network was not loaded from a file'
    self.patients: similar_patients.Patients | None = None
    self.no_patients = self.no_detector
    self.model = checkpoint.create_model()
    self._jax = engine_lib.JaxEngine(
      self.model, self.params, self.preprocessing['crop']
    )
    self.engine = self._jax

  @classmethod
  def load(
    cls,
    name: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    flips: bool = False,
  ) -> Self:
    """Returns the network of a name that `bit_covid.load` takes.

    Raises:
      FileNotFoundError: there is no such checkpoint.
      ValueError: a file is no checkpoint, several do not fit together, or a
        file that belongs to one is damaged.
    """
    paths = find.find_checkpoints(name)
    network = cls(ensemble_checkpoint.load(paths, flips=flips))
    network.detector, network.no_detector = detector_lib.find(
      paths[0], num_features=ensemble.first(network.model).size.num_features
    )
    network.no_patients = 'patients of val are compared with one network alone'
    if not isinstance(network.model, ensemble.Ensemble):
      network.patients, network.no_patients = validation_patients.find(
        paths[0], num_classes=len(network.class_names)
      )
    return network

  def logits(self, images: np.ndarray | jax.Array) -> npt.NDArray[np.float32]:
    """Returns the logits, `[N, C]` float32, in the order of `class_names`.

    They are the scores before the softmax, and not calibrated: `probabilities`
    and `predict` divide them by `temperature`. Those of an ensemble are the
    logarithms of its mean probabilities.

    Images of 8-bit gray values become a valid input by `x / 127.5 - 1`, which
    neither crops nor resizes; `Classifier.preprocess` does all three.

    The images go through the network in batches of 1, 4 or 16, the last one
    padded, so N may be any number and need not fit into the memory of a device.
    The function is compiled at the first call for each S and size of a batch,
    and must not be called inside of `jax.jit`, `vmap` or `grad`; `model.apply`
    may be. It runs on the first device of JAX's default kind; the environment
    variable JAX_PLATFORMS chooses another kind.

    Args:
      images: `[N, S, S, 1]` (gray) or `[N, S, S, 3]`, any float dtype, in
        [-1, 1], channels last; -1 is black. S is best that of the training,
        `preprocessing['crop']`, but any side works.

    Raises:
      ValueError: the shape, dtype or range of the images is wrong.
    """
    return self._apply(self._jax.forward, images)[0]

  def features(self, images: np.ndarray | jax.Array) -> npt.NDArray[np.float32]:
    """Returns the features of images, `[N, F]` float32.

    They are the input of the head: the last feature map after the final
    GroupNorm and ReLU, averaged over its positions, and so not negative and not
    normalized. F is 512 for the tiny network, 2048 for R50x1 and R101x1, 4096
    for R152x2, 6144 for R50x3 and R101x3, and 8192 for R152x4. (It is what
    timm returns for `num_classes=0`.) Those of an ensemble are of its first
    network.

    Args:
      images: as for `logits`.

    Raises:
      ValueError: the shape, dtype or range of the images is wrong.
    """
    return self._apply(self._jax.forward, images)[1]

  def gradcam(
    self,
    images: np.ndarray | jax.Array,
    class_index: int | Sequence[int] | np.ndarray | None = None,
  ) -> npt.NDArray[np.float32]:
    """Returns the Grad-CAM maps, `[N, S, S]` float32 in [0, 1].

    A map is that of the last feature map, one position for 32 x 32 pixels,
    enlarged bilinearly to the images and divided by its largest value: maps of
    two images cannot be compared by their values. It is zero where nothing
    speaks for the class.

    Args:
      images: as for `logits`.
      class_index: of `class_names`, one for all images, or `[N]`; None: the
        predicted class of each.

    Raises:
      ValueError: images or class index are invalid.
    """
    forward = functools.partial(gradcam.logits_and_maps, self.model)
    if class_index is None:
      return self._apply(forward, images)[1]
    classes = gradcam.check_class_index(
      class_index,
      num_images=len(images),
      num_classes=len(self.class_names),
    )
    return self._apply(forward, images, classes)[1]

  def probabilities(self, prepared: np.ndarray) -> npt.NDArray[np.float64]:
    """Returns `[N, C]` float64, calibrated if the temperature is known.

    Args:
      prepared: `[N, S, S, 1]` uint8, of `prepare`.
    """
    logits = self.logits(np.asarray(normalize.to_model_range(prepared)))
    return self._calibrated(logits)

  def outputs(
    self,
    prepared: np.ndarray,
    *,
    with_maps: bool,
    num_slices: int | None = None,
  ) -> Outputs:
    """Returns probabilities, distances and maps of slices, in one pass.

    Args:
      prepared: `[N, S, S, 1]` uint8, of `prepare`.
      with_maps: whether maps are computed.
      num_slices: of the scan of which these are a part; None: N.
    """
    scores = self.engine.scores(
      prepared, with_maps=with_maps, num_slices=num_slices or len(prepared)
    )
    # First, as it refuses what is not finite.
    probabilities = self._calibrated(scores.logits)
    distances = None
    if self.detector is not None:
      distances = self.detector.distances(scores.features)
    return Outputs(probabilities, distances, scores.maps)

  def _calibrated(self, logits: np.ndarray) -> npt.NDArray[np.float64]:
    if not np.isfinite(logits).all():
      raise ValueError(
        'The network gives logits that are NaN or infinite, as its parameters '
        'are too large. Take another checkpoint, or train again.'
      )
    scores = logits.astype(np.float64) / (self.temperature or 1.0)
    probabilities: npt.NDArray[np.float64] = scipy.special.softmax(
      scores, axis=1
    )
    return probabilities

  def prepare(
    self, gray: np.ndarray, annotated: np.ndarray | None = None
  ) -> tuple[npt.NDArray[np.uint8], np.ndarray | None]:
    """Returns a slice, prepared as in training, and the box of its crop.

    The slice is `[S, S, 1]` uint8. The box is `[4]` int (xmin, ymin, xmax,
    ymax); None means that the whole slice was taken.

    Args:
      gray: `[H, W]` uint8.
      annotated: the annotated box, used if the training used such boxes. A box
        is found automatically without one, and where it is four zeros.
    """
    return preparation.prepare(gray, self.preprocessing, annotated)

  def _apply(
    self,
    forward: whole_batches.Forward,
    images: np.ndarray | jax.Array,
    *others: np.ndarray,
    num_images: int | None = None,
  ) -> list[np.ndarray]:
    images = np.asarray(images)
    whole_batches.check_images(images)
    return whole_batches.apply(
      forward, self.params, images, *others, num_images=num_images
    )
