# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores a scan: probabilities of its slices, and of the scan as a whole.

with scans.find('study/', window=network.window) as found:
  result = score.score(network, found.scans[0])
result.predicted, result.scan_probabilities['mean']
"""

from collections.abc import Callable, Mapping
import dataclasses
from typing import NamedTuple

import numpy as np

from bit_covid.analysis import aggregation
from bit_covid.base import stopwatch
from bit_covid.inference import network as network_lib
from bit_covid.models import class_maps
from input_pipeline import scans

# The method that decides the predicted class; the results of all methods in
# `aggregation.METHODS` are reported. Unlike a maximum, a mean does not grow
# with the number of slices.
DEFAULT_AGGREGATION = 'mean'
# Slices per forward pass. The network pads a smaller last batch.
_BATCH = 16
# Slices in the montage of a scan.
NUM_SHOWN = 12


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
  """

  slice_id: str
  name: str
  position: float | None
  finding: str | None
  is_readable: bool
  probabilities: np.ndarray | None = None
  box: np.ndarray | None = None
  maps: np.ndarray | None = None

  @property
  def is_used(self) -> bool:
    """Whether it counts for the scan: scored, and without a finding."""
    return self.finding is None and self.probabilities is not None


class MontageSlice(NamedTuple):
  """A slice of the montage.

  Attributes:
    number: in its scan, from 1.
    gray: the crop that the network saw, before resizing, `[h, w]` uint8.
    gradcam: Grad-CAM of the scan's predicted class, `[h, w]` in [0, 1].
    probability: of that class.
  """

  number: int
  gray: np.ndarray
  gradcam: np.ndarray
  probability: float


@dataclasses.dataclass(frozen=True)
class ScanResult:
  """The result of one scan.

  Attributes:
    scan: the scan.
    class_names: in the order of the probabilities.
    slices: of the whole scan, in its order.
    scan_probabilities: `[C]` float64 by aggregation method, over the slices
      that count; empty: no slice counts.
    montage_slices: slices from all parts of the scan, for the montage.
    seconds: time spent on 'reading' and on 'network'.
  """

  scan: scans.Scan
  class_names: tuple[str, ...]
  slices: tuple[SliceResult, ...]
  scan_probabilities: Mapping[str, np.ndarray]
  montage_slices: tuple[MontageSlice, ...] = ()
  seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)

  @property
  def predicted(self) -> str | None:
    """The most probable class; None if no slice counts."""
    if not self.scan_probabilities:
      return None
    probabilities = self.scan_probabilities[DEFAULT_AGGREGATION]
    return self.class_names[int(probabilities.argmax())]

  @property
  def num_used(self) -> int:
    """The number of slices that count for the scan."""
    return sum(x.is_used for x in self.slices)


def score(
  network: network_lib.Network,
  scan: scans.Scan,
  *,
  score_flagged: bool = False,
  num_shown: int = NUM_SHOWN,
  on_slice: Callable[[], None] = lambda: None,
  on_read: Callable[[scans.Checked], None] = lambda checked: None,
) -> ScanResult:
  """Returns the result of a scan.

  Args:
    network: with its preprocessing.
    scan: of an open `scans.find`, read under the network's window.
    score_flagged: also score slices with a finding; they do not count for the
      scan.
    num_shown: number of slices in the montage; 0: no map is computed.
    on_slice: called after each slice, for a progress bar.
    on_read: called with each slice after it is read, for callers that display
      every slice.
  """
  clock = stopwatch.Stopwatch()
  slices = _score_slices(
    network,
    scan,
    clock=clock,
    score_flagged=score_flagged,
    with_maps=num_shown > 0,
    on_slice=on_slice,
    on_read=on_read,
  )
  result = ScanResult(scan, network.class_names, slices, _aggregate(slices))
  if result.scan_probabilities and num_shown:
    with clock.of('reading'):
      shown = _montage_slices(result, num_shown)
    result = dataclasses.replace(result, montage_slices=shown)
  return dataclasses.replace(result, seconds=dict(clock.seconds))


def choose(values: np.ndarray, count: int) -> list[int]:
  """Returns the indices of up to `count` slices, one from each part of a scan.

  The scan is cut into `count` parts of equal length, so that the choice covers
  all of it. From each part comes the slice with the largest of `values`, `[N]`.
  """
  parts = np.array_split(np.arange(len(values)), min(count, len(values)))
  return [int(part[values[part].argmax()]) for part in parts if len(part)]


def _score_slices(
  network: network_lib.Network,
  scan: scans.Scan,
  *,
  clock: stopwatch.Stopwatch,
  score_flagged: bool,
  with_maps: bool,
  on_slice: Callable[[], None],
  on_read: Callable[[scans.Checked], None],
) -> tuple[SliceResult, ...]:
  """Returns the results of all slices, in the order of the scan."""
  results: dict[int, SliceResult] = {}
  batch: dict[int, np.ndarray] = {}

  def score_batch() -> None:
    with clock.of('network'):
      outputs = _forward(network, np.stack(list(batch.values())), with_maps)
    for index, (probabilities, maps) in zip(batch, outputs, strict=True):
      results[index] = results[index]._replace(
        probabilities=probabilities, maps=maps
      )
      on_slice()
    batch.clear()

  with clock.of('reading'):
    for checked in scans.read_checked(scan):
      on_read(checked)
      results[checked.index] = result = _unscored(scan, checked)
      if not result.is_readable or (result.finding and not score_flagged):
        on_slice()
        continue
      batch[checked.index], box = network.prepare(checked.gray)
      results[checked.index] = result._replace(box=box)
      if len(batch) == _BATCH:
        score_batch()
  if batch:
    score_batch()
  return tuple(results[i] for i in range(len(scan)))


def _unscored(scan: scans.Scan, checked: scans.Checked) -> SliceResult:
  each = scan.slices[checked.index]
  return SliceResult(
    slice_id=scan.slice_id(checked.index),
    name=each.name,
    position=each.position,
    finding=checked.reason,
    is_readable=checked.gray is not None,
  )


def _forward(
  network: network_lib.Network, prepared: np.ndarray, with_maps: bool
) -> list[tuple[np.ndarray, np.ndarray | None]]:
  """Returns probabilities, and maps or None, of each slice."""
  if with_maps:
    return list(zip(*network.probabilities_and_maps(prepared), strict=True))
  return [(values, None) for values in network.probabilities(prepared)]


def _aggregate(slices: tuple[SliceResult, ...]) -> dict[str, np.ndarray]:
  used = [x.probabilities for x in slices if x.is_used]
  if not used:
    return {}
  return {
    method: aggregation.aggregate_slices(np.stack(used), method)
    for method in aggregation.METHODS
  }


def _montage_slices(result: ScanResult, count: int) -> tuple[MontageSlice, ...]:
  class_index = result.class_names.index(result.predicted)
  used = [(i, x) for i, x in enumerate(result.slices) if x.is_used]
  values = np.array([x.probabilities[class_index] for _, x in used])
  chosen = []
  for n in choose(values, count):
    index, each = used[n]
    # Read a second time, since keeping all slices would take a scan's memory.
    gray = result.scan.slices[index].read().gray
    if each.box is not None:
      xmin, ymin, xmax, ymax = each.box
      gray = gray[ymin:ymax, xmin:xmax]
    gradcam = class_maps.enlarge(each.maps[class_index], gray.shape)
    chosen.append(MontageSlice(index + 1, gray, gradcam, float(values[n])))
  return tuple(chosen)
