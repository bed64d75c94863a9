# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The public class `Classifier`: a trained network, for notebooks.

`inference.network.Network` computes logits, features and maps of images;
`Classifier` adds what turns slices into images and files into a table.
"""

from collections.abc import Sequence
import os

import numpy as np
from numpy import typing as npt
import pandas as pd

from bit_covid.inference import network
from bit_covid.models import ensemble
from bit_covid.models import normalize
from bit_covid.models import resnet_v2
from bit_covid.scoring import predict_files

# Names that `repr` shows; public checkpoints have up to 21,843.
_MOST_NAMES = 5


class Classifier(network.Network):
  """A network that predicts slices and scans; `bit_covid.load` makes one.

  `predict` takes files. `logits`, `features` and `gradcam` take images as
  arrays, which `preprocess` makes of gray slices.
  """

  def __repr__(self) -> str:
    names, side = self.class_names, self.preprocessing['crop']
    shown = ', '.join(names[:_MOST_NAMES])
    if len(names) > _MOST_NAMES:
      shown += f', ... ({len(names):,} classes)'
    features = ensemble.first(self.model).size.num_features
    parameters = resnet_v2.parameter_count(self.params)
    window = 'unknown'
    if self.window:
      window = 'center {:g}, width {:g} HU'.format(*self.window)
    calibrated = 'not calibrated'
    if self.temperature:
      calibrated = f'calibrated, temperature {self.temperature:.2f}'
    lines = [
      f'model: {self.model_name}, {parameters:,} parameters, '
      f'{features:,} features',
      f'classes: {shown}',
      f'slices: {side} x {side}, box {self.preprocessing["box"]}',
      f'window: {window}',
      f'probabilities: {calibrated}',
      f'trained on: {self.facts.get("data") or "unknown"}',
    ]
    return 'Classifier(\n' + ''.join(f'  {x}\n' for x in lines) + ')'

  def preprocess(
    self, slices: Sequence[np.ndarray] | np.ndarray
  ) -> npt.NDArray[np.float32]:
    """Returns gray slices as images for `logits`, `features` and `gradcam`.

    The images are `[N, S, S, 1]` float32 in [-1, 1]. Each slice is prepared as
    in training: cropped to the body if boxes were used, resized to S x S,
    `preprocessing['crop']`, and scaled by `(x - 127.5) / 127.5`.

    Args:
      slices: one or more of `[H, W]` uint8, in any sizes, seen from the feet
        with the front of the body up. 0 and 255 are the ends of `window`: gray
        values of Hounsfield units HU are
        `uint8(255 * clip((HU - center) / width + 1 / 2, 0, 1))`. Of a picture,
        take `numpy.asarray(PIL.Image.open(path).convert('L'))`.

    Raises:
      ValueError: there is no slice, or one has another shape or dtype.
    """
    grays = [np.asarray(x) for x in slices]
    if not grays:
      raise ValueError('There is no slice; expected one or more [H, W] uint8.')
    for i, gray in enumerate(grays):
      if gray.ndim != 2 or gray.dtype != np.uint8 or not gray.size:
        raise ValueError(
          f'Slice {i} is {gray.shape} {gray.dtype}; expected [H, W] uint8 in a '
          "list, such as numpy.asarray(image.convert('L')) of a Pillow image."
        )
    prepared = np.stack([self.prepare(gray)[0] for gray in grays])
    return np.asarray(normalize.to_model_range(prepared))

  def predict(
    self,
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    check: bool = True,
  ) -> pd.DataFrame:
    """Returns the predictions table of files, a row for each slice.

    Its columns are `slice_id`, `patient_id`, `source`, `label` and `p_<class>`
    for each class. `slice_id` is the path of the file, with the number of the
    slice if it has several. `patient_id` is a digest of the series or volume,
    and empty for images. `source` is 'dicom', 'nifti' or 'images'; `label` is
    missing, as it is not known. Slices are windowed, cropped and resized as in
    training. Probabilities are calibrated if the checkpoint has a temperature.
    `table.attrs['certainty']` says, by `patient_id`, how often the network was
    right on patients of val with a number like that of the scan, and whether
    the ways to join its slices disagree.

    Args:
      paths: PNG, JPEG, DICOM and NIfTI files, zip archives, and folders of
        them.
      check: leave slices that the input check flags without probabilities, and
        warn of them; False: score them, too.

    Raises:
      FileNotFoundError: a path does not exist, or there is no slice.
      ValueError: a file is damaged; the message names it.
    """
    return predict_files.predict_files(self, paths, check=check)
