# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The classifier of commands that score scans: checked, and compiled."""

import time

import numpy as np

from bit_covid import classifier as classifier_lib
from bit_covid.base import compilation_cache

# Classes of a diagnosis; a public BiT checkpoint has 1,000 or 21,843 of
# photographs.
_MOST_CLASSES = 50


def load(checkpoint: str) -> classifier_lib.Classifier:
  """Returns the classifier of `--checkpoint`, as for `bit_covid.load`.

  Raises:
    FileNotFoundError: there is no such checkpoint.
    ValueError: it is none, or one that was not fine-tuned.
  """
  compilation_cache.enable()
  classifier = classifier_lib.load(checkpoint)
  if len(classifier.class_names) > _MOST_CLASSES:
    raise ValueError(
      f'--checkpoint={checkpoint} has {len(classifier.class_names):,} classes, '
      'as a checkpoint of photographs that was not fine-tuned; expected the '
      'model.npz of a training.'
    )
  return classifier


def warm_up(classifier: classifier_lib.Classifier) -> float:
  """Returns the seconds that compiling took, for which no scan need wait."""
  start = time.monotonic()
  side = classifier.preprocessing['crop']
  classifier.probabilities_and_maps(np.zeros((1, side, side, 1), np.uint8))
  return time.monotonic() - start
