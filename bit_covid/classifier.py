# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The public class: a trained network in a notebook's hands.

`Classifier` adds to `inference.network.Network`, which has the logits, features
and maps of images, the prediction of files.
"""

from collections.abc import Sequence
import os

import pandas as pd

from bit_covid.inference import network
from bit_covid.weights import bit_npz
from bit_covid.weights import find


class Classifier(network.Network):
  """A network that predicts scans from their files."""

  def predict(
    self,
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    check: bool = True,
  ) -> pd.DataFrame:
    """Returns the predictions table of files, see `analysis.predictions`.

    `slice_id` is the file's path, with the number of the slice where it has
    several; `patient_id` a digest of the series or volume, and empty for
    images, of which nobody said whose they are. Each slice is prepared as in
    the training; probabilities are calibrated if the checkpoint knows how.

    Args:
      paths: PNG, JPEG, DICOM and NIfTI files, zip archives, and folders of
        them.
      check: slices that the input check flags are not scored: they have no
        probabilities, and a warning says how many and why. False: scored, too.

    Raises:
      FileNotFoundError: a path does not exist, or there is no slice.
      ValueError: a file is damaged; the message names it. Nothing is left out.
    """
    # TensorFlow comes with it, for which logits and maps need not wait.
    from bit_covid.scoring import predict_files

    return predict_files.predict_files(self, paths, check=check)


def load(name: str | os.PathLike[str]) -> Classifier:
  """Returns the classifier of a name; see `bit_covid.load`."""
  return Classifier(bit_npz.load(find.find_checkpoint(name)))
