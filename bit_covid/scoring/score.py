# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a network makes of a scan: the one way in which scans are scored.

with scans.find('study/', window=network.window) as found:
  result = score.score(network, found.scans[0])
result.predicted, result.joined['mean']
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

# The way to join slices that is named first; all of `aggregation.METHODS` are
# given. The mean does not grow with the number of slices, as a maximum does.
METHOD = 'mean'
# Slices at once; the network fills up to a whole batch.
_BATCH = 16
# Of slices that are shown with their maps.
NUM_SHOWN = 12


class SliceResult(NamedTuple):
  """A slice of a scan.

  Attributes:
    slice_id: of `Scan.slice_id`.
    name: of its file; for a terminal, never for a result.
    position: in mm, upwards; None: not known.
    finding: of the input check; None: none.
    is_readable: whether there are pixels.
    probabilities: `[C]` float64; None: not scored.
    box: of the body, to which it was cropped, xmin, ymin, xmax, ymax with the
      ends exclusive; None: the whole slice, or not scored.
    maps: of each class, `[C, h, w]` float32, for `class_maps.enlarge` to the
      size of the box; None: not scored, or not asked for.
  """

  slice_id: str
  name: str
  position: float | None
  finding: str | None
  is_readable: bool
  probabilities: np.ndarray | None
  box: np.ndarray | None = None
  maps: np.ndarray | None = None

  @property
  def is_used(self) -> bool:
    """Whether it speaks for the scan: it is scored, and without a finding."""
    return self.finding is None and self.probabilities is not None


class Shown(NamedTuple):
  """A slice to be looked at, with its map.

  Attributes:
    number: in its scan, from 1.
    gray: what the network saw before it was resized, `[h, w]` uint8.
    heat: Grad-CAM of the scan's predicted class, `[h, w]` in [0, 1].
    probability: of that class.
  """

  number: int
  gray: np.ndarray
  heat: np.ndarray
  probability: float


@dataclasses.dataclass(frozen=True)
class ScanResult:
  """What a network makes of a scan.

  Attributes:
    scan: the scan.
    class_names: in the order of the probabilities.
    slices: each slice of the scan, in order.
    joined: probabilities of the scan `[C]` by `aggregation.METHODS`, over
      scored slices without a finding; empty: there are none.
    shown: slices of all parts of the scan with their maps.
    seconds: by what they were spent on: 'reading' and 'network'.
  """

  scan: scans.Scan
  class_names: tuple[str, ...]
  slices: tuple[SliceResult, ...]
  joined: Mapping[str, np.ndarray]
  shown: tuple[Shown, ...]
  seconds: Mapping[str, float]

  @property
  def predicted(self) -> str | None:
    """The class of the largest probability; None where nothing was scored."""
    if not self.joined:
      return None
    return self.class_names[int(self.joined[METHOD].argmax())]

  @property
  def num_used(self) -> int:
    """How many slices speak for the scan."""
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
  """Returns what the network makes of a scan.

  Args:
    network: with its preprocessing.
    scan: of an open `scans.find`, under the network's window.
    score_flagged: also score slices with a finding; they stay out of what is
      joined.
    num_shown: how many slices are shown, at most; 0: no map is computed.
    on_slice: is called after each slice, for a progress bar.
    on_read: is given each slice as it was read, for who shows all of them.
  """
  clock = stopwatch.Stopwatch()
  results: dict[int, SliceResult] = {}
  batch: dict[int, np.ndarray] = {}

  def score_batch() -> None:
    prepared = np.stack(list(batch.values()))
    maps = [None] * len(prepared)
    with clock.of('network'):
      if num_shown:
        scored, maps = network.probabilities_and_maps(prepared)
      else:
        scored = network.probabilities(prepared)
    for index, values, of_slice in zip(batch, scored, maps, strict=True):
      results[index] = results[index]._replace(
        probabilities=values, maps=of_slice
      )
      on_slice()
    batch.clear()

  with clock.of('reading'):
    for checked in scans.read_checked(scan):
      on_read(checked)
      results[checked.index] = _unscored(scan, checked)
      if checked.gray is None or (checked.reason and not score_flagged):
        on_slice()
        continue
      batch[checked.index], box = network.prepare(checked.gray)
      results[checked.index] = results[checked.index]._replace(box=box)
      if len(batch) == _BATCH:
        score_batch()
  if batch:
    score_batch()
  slices = tuple(results[i] for i in range(len(scan)))
  joined = _join(slices)
  return ScanResult(
    scan=scan,
    class_names=network.class_names,
    slices=slices,
    joined=joined,
    shown=_show(scan, slices, joined, num_shown, clock),
    seconds=dict(clock.seconds),
  )


def choose(values: np.ndarray, count: int) -> list[int]:
  """Returns which of N slices to show: of each part, that of the largest value.

  The scan is cut into `count` parts of equal length, so that all of it is seen
  and of each part what speaks most for the class.
  """
  parts = np.array_split(np.arange(len(values)), min(count, len(values)))
  return [int(part[values[part].argmax()]) for part in parts if len(part)]


def _unscored(scan: scans.Scan, checked: scans.Checked) -> SliceResult:
  each = scan.slices[checked.index]
  return SliceResult(
    slice_id=scan.slice_id(checked.index),
    name=each.name,
    position=each.position,
    finding=checked.reason,
    is_readable=checked.gray is not None,
    probabilities=None,
  )


def _join(slices: tuple[SliceResult, ...]) -> dict[str, np.ndarray]:
  used = [x.probabilities for x in slices if x.is_used]
  if not used:
    return {}
  return {
    method: aggregation.aggregate_slices(np.stack(used), method)
    for method in aggregation.METHODS
  }


def _show(
  scan: scans.Scan,
  slices: tuple[SliceResult, ...],
  joined: Mapping[str, np.ndarray],
  count: int,
  clock: stopwatch.Stopwatch,
) -> tuple[Shown, ...]:
  if not joined or count < 1:
    return ()
  predicted = int(joined[METHOD].argmax())
  used = [i for i, x in enumerate(slices) if x.is_used]
  values = np.array([slices[i].probabilities[predicted] for i in used])
  shown = []
  with clock.of('reading'):
    for i in (used[n] for n in choose(values, count)):
      # Read again: keeping all of them would cost a scan's memory.
      gray = _crop(scan.slices[i].read().gray, slices[i].box)
      heat = class_maps.enlarge(slices[i].maps[predicted], gray.shape)
      probability = float(slices[i].probabilities[predicted])
      shown.append(Shown(i + 1, gray, heat, probability))
  return tuple(shown)


def _crop(gray: np.ndarray, box: np.ndarray | None) -> np.ndarray:
  if box is None:
    return gray
  xmin, ymin, xmax, ymax = box
  return gray[ymin:ymax, xmin:xmax]
