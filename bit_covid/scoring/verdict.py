# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether the network can be asked about a scan: one verdict, with reasons.

It joins the input check of the slices with the detector of slices that are
unlike those of the training.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from bit_covid.inference import network as network_lib
from input_pipeline.scans import input_check

Outcome = Literal['accept', 'caution', 'refused', 'not checked']

# What each outcome means, as the first words of a line.
MEANINGS = {
  'accept': 'Accepted: the scan is like those the network was trained on, '
  'which does not say that the probabilities are right.',
  'caution': 'Caution: the network may be right less often on this scan than '
  'its results say.',
  'refused': 'Refused: the network was not trained for such a scan.',
  'not checked': 'Not checked: nobody knows whether the scan is like those '
  'the network was trained on.',
}
# The finding of slices whose probabilities are withheld.
UNFAMILIAR = 'the scan is too unlike those of the training'


class Verdict(NamedTuple):
  """Whether the network can be asked about a scan.

  Attributes:
    outcome: the gravest that a reason gives.
    reasons: sentences, the gravest first.
    distance: the median distance of the slices that count; None: not known.
    is_withheld: whether it is refused for this distance, and so has no
      probabilities.
  """

  outcome: Outcome
  reasons: tuple[str, ...]
  distance: float | None = None
  is_withheld: bool = False

  @property
  def headline(self) -> str:
    """The first words of `meaning`: 'Accepted' and the like."""
    return self.meaning.partition(':')[0]

  @property
  def meaning(self) -> str:
    """What the outcome means, in one sentence."""
    return MEANINGS[self.outcome]


def judge(
  network: network_lib.Network,
  distances: Sequence[float | None],
  findings: Sequence[str | None],
  *,
  allow_unfamiliar: bool,
) -> Verdict:
  """Returns the verdict on a scan.

  Args:
    network: with its detector, if it has one.
    distances: of the slices that count; None without a detector.
    findings: of all slices, from the input check; None: there is none.
    allow_unfamiliar: whether a scan that is too unlike those of the training
      has probabilities all the same.
  """
  if not distances:
    return Verdict('refused', ('No slice passes the input check.',))
  outcome, reasons, distance = _by_distance(network, distances)
  is_refused = outcome == 'refused'
  if is_refused:
    reasons.append(
      'It has probabilities only because of --allow_unfamiliar.'
      if allow_unfamiliar
      else 'Its probabilities are withheld; --allow_unfamiliar gives them.'
    )
  # Every complete scan has slices above and below the lungs.
  odd = sum(x is not None and x != input_check.NO_LUNGS for x in findings)
  if odd:
    reasons.append(
      f'{odd} of {len(findings)} slices cannot be read or are no axial slices '
      'of a chest in a lung window.'
    )
    outcome = outcome if is_refused else 'caution'
  is_withheld = is_refused and not allow_unfamiliar
  return Verdict(outcome, tuple(reasons), distance, is_withheld)


def _by_distance(
  network: network_lib.Network, distances: Sequence[float | None]
) -> tuple[Outcome, list[str], float | None]:
  """Returns outcome, reasons and median distance, by the detector alone."""
  detector = network.detector
  if detector is None:
    text = f'Distance from the training slices: {network.no_detector}.'
    return 'not checked', [text], None
  distance = float(np.median(distances))
  middle, caution, refused = detector.limits(len(distances))
  text = (
    f'Distance from the training slices: {distance:.1f} (usual {middle:.1f}, '
    f'caution above {caution:.1f}, refused above {refused:.1f}).'
  )
  if distance <= caution:
    return 'accept', [text], distance
  return 'caution' if distance <= refused else 'refused', [text], distance
