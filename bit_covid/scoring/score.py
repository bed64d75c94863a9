# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores a scan: probabilities of its slices, and of the scan as a whole.

with scans.find('study/', window=network.window) as found:
  result = score.score(network, found.scans[0])
result.predicted, result.scan_probabilities['mean']
"""

from collections.abc import Callable, Iterator
import dataclasses
from typing import Any

import numpy as np

from bit_covid.analysis import aggregation
from bit_covid.base import read_ahead
from bit_covid.base import stopwatch
from bit_covid.inference import network as network_lib
from bit_covid.models import class_maps
from bit_covid.scoring import certainty
from bit_covid.scoring import scan_result
from bit_covid.scoring import verdict as verdict_lib
from input_pipeline import scans

# Slices per forward pass; the last one of a scan may have fewer.
BATCH = 16
# Slices in the montage of a scan.
NUM_SHOWN = 12


def score(
  network: network_lib.Network,
  scan: scans.Scan,
  *,
  score_flagged: bool = False,
  allow_unfamiliar: bool = False,
  num_shown: int = NUM_SHOWN,
  with_maps: bool | None = None,
  on_slice: Callable[[], None] = lambda: None,
  on_read: Callable[[scans.Checked], None] = lambda checked: None,
) -> scan_result.ScanResult:
  """Returns the result of a scan.

  Args:
    network: with its preprocessing.
    scan: of an open `scans.find`, read under the network's window.
    score_flagged: also score slices with a finding; they do not count for the
      scan.
    allow_unfamiliar: give probabilities also for a scan that is refused as too
      unlike those of the training; otherwise none of its slices has any.
    num_shown: number of slices in the montage.
    with_maps: whether maps are computed; None: if there is a montage. The last
      digits of the probabilities depend on it.
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
    with_maps=num_shown > 0 if with_maps is None else with_maps,
    on_slice=on_slice,
    on_read=on_read,
  )
  slices, verdict = _judged(network, slices, allow_unfamiliar)
  result = scan_result.ScanResult(
    scan, network.class_names, slices, _aggregate(slices), verdict
  )
  if result.scan_probabilities:
    known = certainty.judge(
      network,
      result.scan_probabilities[scan_result.DEFAULT_AGGREGATION],
      num_slices=result.num_used,
      is_refused=verdict.outcome == 'refused',
    )
    result = dataclasses.replace(result, certainty=known)
  if result.scan_probabilities and num_shown:
    with clock.of('reading'):
      shown = _montage_slices(result, num_shown)
    result = dataclasses.replace(result, montage_slices=shown)
  return dataclasses.replace(result, seconds=dict(clock.seconds))


def failed(
  network: network_lib.Network, scan: scans.Scan, error: Exception
) -> scan_result.ScanResult:
  """Returns the result of a scan that could not be scored for an error.

  The text of the error is not in it, as it can name a file.
  """
  reason = f'could not be scored ({type(error).__name__})'
  slices = tuple(
    scan_result.SliceResult(
      slice_id=scan.slice_id(index),
      name=each.name,
      position=each.position,
      finding=f'the scan {reason}',
      is_readable=False,
    )
    for index, each in enumerate(scan.slices)
  )
  verdict = verdict_lib.Verdict('refused', (f'The scan {reason}.',))
  return scan_result.ScanResult(scan, network.class_names, slices, {}, verdict)


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
) -> tuple[scan_result.SliceResult, ...]:
  """Returns the results of all slices, in the order of the scan."""
  results: dict[int, scan_result.SliceResult] = {}
  batch: dict[int, np.ndarray] = {}

  def score_batch() -> None:
    with clock.of('network'):
      prepared = np.stack(list(batch.values()))
      outputs = _forward(network, prepared, with_maps, len(scan))
    for index, scored in zip(batch, outputs, strict=True):
      results[index] = results[index]._replace(**scored)
      on_slice()
    batch.clear()

  # The next batch is read while the network is at work. What counts as reading
  # is the time that the network waits for it.
  made = _read_and_prepare(network, scan, score_flagged)
  with clock.of('reading'), read_ahead.read_ahead(made, most=BATCH) as slices:
    for checked, prepared, box in slices:
      on_read(checked)
      results[checked.index] = _unscored(scan, checked)._replace(box=box)
      if prepared is None:
        on_slice()
        continue
      batch[checked.index] = prepared
      if len(batch) == BATCH:
        score_batch()
  if batch:
    score_batch()
  return tuple(results[i] for i in range(len(scan)))


def _read_and_prepare(
  network: network_lib.Network, scan: scans.Scan, score_flagged: bool
) -> Iterator[tuple[scans.Checked, np.ndarray | None, np.ndarray | None]]:
  """Yields each slice, prepared if it is to be scored, and its box."""
  for checked in scans.read_checked(scan):
    if checked.gray is None or (checked.reason and not score_flagged):
      yield checked, None, None
    else:
      yield checked, *network.prepare(checked.gray)


def _unscored(
  scan: scans.Scan, checked: scans.Checked
) -> scan_result.SliceResult:
  each = scan.slices[checked.index]
  return scan_result.SliceResult(
    slice_id=scan.slice_id(checked.index),
    name=each.name,
    position=each.position,
    finding=checked.reason,
    is_readable=checked.gray is not None,
  )


def _forward(
  network: network_lib.Network,
  prepared: np.ndarray,
  with_maps: bool,
  num_slices: int,
) -> list[dict[str, Any]]:
  """Returns the fields of `SliceResult` that the network computes."""
  outputs = network.outputs(
    prepared, with_maps=with_maps, num_slices=num_slices
  )
  known = {
    'probabilities': outputs.probabilities,
    'distance': outputs.distances,
    'maps': outputs.maps,
  }
  known = {name: x for name, x in known.items() if x is not None}
  rows = zip(*known.values(), strict=True)
  return [dict(zip(known, row, strict=True)) for row in rows]


def _judged(
  network: network_lib.Network,
  slices: tuple[scan_result.SliceResult, ...],
  allow_unfamiliar: bool,
) -> tuple[tuple[scan_result.SliceResult, ...], verdict_lib.Verdict]:
  """Returns the slices as they may be shown, and the verdict on the scan."""
  verdict = verdict_lib.judge(
    network,
    [x.distance for x in slices if x.is_used],
    [x.finding for x in slices],
    allow_unfamiliar=allow_unfamiliar,
  )
  if not verdict.is_withheld:
    return slices, verdict
  nothing = {'probabilities': None, 'maps': None, 'box': None}
  unfamiliar = verdict_lib.UNFAMILIAR
  return tuple(
    x._replace(finding=x.finding or unfamiliar, **nothing) for x in slices
  ), verdict


def _aggregate(
  slices: tuple[scan_result.SliceResult, ...],
) -> dict[str, np.ndarray]:
  used = [x.probabilities for x in slices if x.is_used]
  if not used:
    return {}
  return {
    method: aggregation.aggregate_slices(np.stack(used), method)
    for method in aggregation.METHODS
  }


def _montage_slices(
  result: scan_result.ScanResult, count: int
) -> tuple[scan_result.MontageSlice, ...]:
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
    gradcam = np.stack([class_maps.enlarge(x, gray.shape) for x in each.maps])
    chosen.append(
      scan_result.MontageSlice(index + 1, gray, gradcam, each.probabilities)
    )
  return tuple(chosen)
