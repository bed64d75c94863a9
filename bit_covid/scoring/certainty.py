# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How often a result like that of a scan is right, in words.

Probabilities are calibrated slice by slice, which says nothing of their mean
over a scan. So the scan is compared with the patients of val.
"""

from typing import NamedTuple

import numpy as np

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import similar_patients
from bit_covid.inference import detector
from bit_covid.inference import network as network_lib

LIMITS = (
  'The same patients also served to calibrate the network, and perhaps to '
  'choose it, so the share may be too high. Scans from another hospital, or '
  'other proportions of the classes, change it.'
)


class Certainty(NamedTuple):
  """How often the network was right on patients like a scan.

  Attributes:
    text: a sentence.
    similar: the patients that were counted; None: they are too few, or not
      known.
  """

  text: str
  similar: similar_patients.Similar | None = None

  @property
  def full(self) -> str:
    """The text, and what limits it."""
    return f'{self.text} {LIMITS}' if self.similar else self.text

  @property
  def short(self) -> str:
    """The text in a few words, for a table."""
    if self.similar is None:
      return 'not known'
    count, right, *_, share = self.similar
    return (
      f'{right} of {count} ({100 * share.low:.0f} to {100 * share.high:.0f} %)'
    )


def judge(
  network: network_lib.Network,
  probabilities: np.ndarray,
  *,
  num_slices: int,
  is_refused: bool,
) -> Certainty:
  """Returns how often the network was right on patients like a scan.

  Args:
    network: with the patients of val, if they are known.
    probabilities: of the scan, the mean over its slices, `[C]`.
    num_slices: how many of them count.
    is_refused: whether the scan is too unlike those of the training.
  """
  reason = _reason(network, num_slices, is_refused)
  if reason:
    return Certainty(f'How often such a result is right is not known: {reason}')
  name = network.class_names[int(probabilities.argmax())]
  similar = similar_patients.find(network.patients, probabilities)
  if similar.count < similar_patients.FEWEST:
    return Certainty(
      f'Validation patients who were predicted as {name} with a probability '
      f'within {100 * similar_patients.WITHIN:g} points of this one: '
      f'{similar.count} of {len(network.patients.label):,}. These are too few '
      'to tell how often such a result is right.'
    )
  share = similar.share
  return Certainty(
    f'Of the {similar.count} validation patients who were predicted as {name} '
    'with the probabilities nearest to this one '
    f'({100 * similar.lowest:.1f} to {100 * similar.highest:.1f} %), '
    f'{similar.right} were {name}: '
    f'{100 * share.value:.0f} % ({interval_lib.LEVEL_TEXT} interval '
    f'{100 * share.low:.0f} to {100 * share.high:.0f} %).',
    similar,
  )


def _reason(
  network: network_lib.Network, num_slices: int, is_refused: bool
) -> str:
  """Returns why a scan cannot be compared with patients, '' if it can."""
  if is_refused:
    return 'the scan is too unlike those of the training.'
  if network.patients is None:
    return f'{network.no_patients}.'
  usual = int(np.median(network.patients.slices))
  if usual < 2:
    return (
      'the validation data have one slice of most patients, or do not say '
      'which slices are of one patient.'
    )
  # A mean of few slices varies more than one of many.
  needed = min(usual, detector.FEW_SLICES)
  if num_slices < needed:
    return (
      f'the slices that count are {num_slices}, and validation patients have '
      f'{usual} in the median.'
    )
  return ''
