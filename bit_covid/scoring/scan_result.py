# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The result of a scan, and of its slices."""

from collections.abc import Mapping
import dataclasses
from typing import NamedTuple

import numpy as np

from bit_covid.scoring import certainty as certainty_lib
from bit_covid.scoring import verdict as verdict_lib
from input_pipeline import scans

# The method that decides the predicted class; the results of all methods in
# `aggregation.METHODS` are reported. Unlike a maximum, a mean does not grow
# with the number of slices.
DEFAULT_AGGREGATION = 'mean'


class SliceResult(NamedTuple):
  """The result of one slice.

  Attributes:
    slice_id: of `Scan.slice_id`.
    name: file name. It may be printed but never written to results, since it
      can identify the patient.
    position: in mm along the body, upwards; None: not known.
    finding: of the input check; None: nothing was found.
    is_readable: whether the file could be decoded.
    probabilities: `[C]` float64; None: not scored.
    box: the crop around the body, `[4]` int (xmin, ymin, xmax, ymax; ends
      exclusive); None: the whole slice, or not scored.
    maps: `[C, h, w]` float32, the Grad-CAM map of each class, for
      `class_maps.enlarge` to the size of the box; None: not computed.
    distance: how unlike the training slices it is, of `inference.detector`;
      None: not scored, or the network has no detector.
  """

  slice_id: str
  name: str
  position: float | None
  finding: str | None
  is_readable: bool
  probabilities: np.ndarray | None = None
  box: np.ndarray | None = None
  maps: np.ndarray | None = None
  distance: float | None = None

  @property
  def is_used(self) -> bool:
    """Whether it counts for the scan: scored, and without a finding."""
    return self.finding is None and self.probabilities is not None


class MontageSlice(NamedTuple):
  """A slice of the montage.

  Attributes:
    number: in its scan, from 1.
    gray: the crop that the network saw, before resizing, `[h, w]` uint8.
    gradcam: Grad-CAM of each class, `[C, h, w]` in [0, 1].
    probabilities: of each class, `[C]`.
  """

  number: int
  gray: np.ndarray
  gradcam: np.ndarray
  probabilities: np.ndarray


@dataclasses.dataclass(frozen=True)
class ScanResult:
  """The result of one scan.

  Attributes:
    scan: the scan.
    class_names: in the order of the probabilities.
    slices: of the whole scan, in its order.
    scan_probabilities: `[C]` float64 by aggregation method, over the slices
      that count; empty: no slice counts.
    verdict: whether the network can be asked about it.
    montage_slices: slices from all parts of the scan, for the montage.
    seconds: time spent on 'network', and waiting for it on 'reading'.
    certainty: what the number of the predicted class is worth; None: there is
      no number.
  """

  scan: scans.Scan
  class_names: tuple[str, ...]
  slices: tuple[SliceResult, ...]
  scan_probabilities: Mapping[str, np.ndarray]
  verdict: verdict_lib.Verdict
  montage_slices: tuple[MontageSlice, ...] = ()
  seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)
  certainty: certainty_lib.Certainty | None = None

  @property
  def predicted(self) -> str | None:
    """The most probable class; None if no slice counts."""
    if not self.scan_probabilities:
      return None
    probabilities = self.scan_probabilities[DEFAULT_AGGREGATION]
    return self.class_names[int(probabilities.argmax())]

  @property
  def is_unanimous(self) -> bool:
    """Whether no two aggregation methods predict different classes."""
    found = {int(x.argmax()) for x in self.scan_probabilities.values()}
    return len(found) < 2

  @property
  def num_used(self) -> int:
    """The number of slices that count for the scan."""
    return sum(x.is_used for x in self.slices)
