# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The public class `Classifier`: a trained network, for notebooks.

`inference.network.Network` computes logits, features and maps of images;
`Classifier` adds the prediction of files.
"""

from collections.abc import Sequence
import os

import pandas as pd

from bit_covid.inference import network


class Classifier(network.Network):
  """A network that predicts scans from their files."""

  def predict(
    self,
    paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    check: bool = True,
  ) -> pd.DataFrame:
    """Returns the predictions table of files, of `analysis.predictions`.

    `slice_id` is the path of the file, with the number of the slice if it has
    several. `patient_id` is a digest of the series or volume, and empty for
    images. Slices are prepared as in training. Probabilities are calibrated if
    the checkpoint has a temperature.

    Args:
      paths: PNG, JPEG, DICOM and NIfTI files, zip archives, and folders of
        them.
      check: leave slices that the input check flags without probabilities, and
        warn of them; False: score them, too.

    Raises:
      FileNotFoundError: a path does not exist, or there is no slice.
      ValueError: a file is damaged; the message names it.
    """
    # It loads TensorFlow, which logits and maps do not need.
    from bit_covid.scoring import predict_files

    return predict_files.predict_files(self, paths, check=check)
