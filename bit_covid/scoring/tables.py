# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Results of scans as tables: of slices, and of scans."""

import collections
from collections.abc import Sequence
import os
import warnings

import numpy as np
import pandas as pd

from bit_covid.analysis import predictions
from bit_covid.inference import network as network_lib
from bit_covid.scoring import score
from input_pipeline import conventions
from input_pipeline import scans


def of_slices(
  results: Sequence[score.ScanResult], class_names: tuple[str, ...]
) -> pd.DataFrame:
  """Returns the predictions table: all slices, by their hashed ids.

  A slice that was not scored has no probabilities. `patient_id` is the scan's
  id.
  """
  return _predictions(
    results,
    class_names,
    slice_id=[x.slice_id for r in results for x in r.slices],
    patient_id=[r.scan.id for r in results for _ in r.slices],
  )


def of_findings(results: Sequence[score.ScanResult]) -> pd.DataFrame:
  """Returns a row a slice: where it lies, and why it does not count."""
  rows = [
    {
      'slice_id': x.slice_id,
      'scan_id': r.scan.id,
      'number': number,
      'position_mm': x.position,
      'counts': x.is_used,
      'finding': x.finding or '',
    }
    for r in results
    for number, x in enumerate(r.slices, start=1)
  ]
  columns = [
    *('slice_id', 'scan_id', 'number', 'position_mm', 'counts', 'finding')
  ]
  return pd.DataFrame(rows, columns=columns)


def of_scans(
  results: Sequence[score.ScanResult], class_names: tuple[str, ...]
) -> pd.DataFrame:
  """Returns a row a scan and way to join its slices.

  A scan without a slice that counts has one row, without probabilities.
  """
  columns = ['scan_id', 'source', 'slices', 'counted', 'method', 'predicted']
  names = [f'p_{name}' for name in class_names]
  rows = []
  for r in results:
    nothing = np.full(len(class_names), np.nan)
    for method, values in (r.joined or {'': nothing}).items():
      predicted = class_names[int(values.argmax())] if method else ''
      facts = [r.scan.id, r.scan.source, len(r.slices), r.num_used]
      rows.append([*facts, method, predicted, *values])
  return pd.DataFrame(rows, columns=[*columns, *names])


def predict(
  network: network_lib.Network,
  paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
  *,
  check: bool,
) -> pd.DataFrame:
  """Returns what `Classifier.predict` does; see there."""
  with scans.find(
    paths,
    window=network.window or conventions.LUNG_WINDOW,
    range_16bit=tuple(network.preprocessing['range_16bit']),
  ) as found:
    _check_refused(found)
    results = [
      score.score(network, x, score_flagged=not check, num_shown=0)
      for x in found.scans
    ]
  slices = [x for r in results for x in r.slices]
  for each in slices:
    if not each.is_readable:
      raise ValueError(f'{each.name}: {each.finding}')
  if check:
    _warn([x.finding for x in slices if x.finding], len(slices))
  return _predictions(
    results,
    network.class_names,
    slice_id=[x.name for x in slices],
    patient_id=[
      '' if r.scan.source == 'images' else r.scan.id
      for r in results
      for _ in r.slices
    ],
  )


def _predictions(
  results: Sequence[score.ScanResult],
  class_names: tuple[str, ...],
  *,
  slice_id: list[str],
  patient_id: list[str],
) -> pd.DataFrame:
  slices = [x for r in results for x in r.slices]
  nothing = np.full(len(class_names), np.nan)
  return predictions.make_table(
    slice_id=slice_id,
    patient_id=patient_id,
    source=[r.scan.source for r in results for _ in r.slices],
    label=np.full(len(slices), -1),
    probabilities=np.array(
      [nothing if x.probabilities is None else x.probabilities for x in slices]
    ).reshape(-1, len(class_names)),
    class_names=class_names,
  )


def _check_refused(found: scans.Found) -> None:
  """Raises an error unless all files are read or none of its business."""
  damaged = [x for x in found.refused if x.cause == 'damaged']
  if damaged:
    more = f' So are {len(damaged) - 1} others.' if len(damaged) > 1 else ''
    raise ValueError(f'{damaged[0].name}: {damaged[0].reason}.{more}')
  if not found.scans:
    reasons = '; '.join(f'{x.name}: {x.reason}' for x in found.refused[:5])
    raise FileNotFoundError(
      'There is no PNG, JPEG, DICOM or NIfTI image in what was given'
      f'{": " + reasons if reasons else ""}.'
    )
  others = [x.reason for x in found.refused if x.cause == 'other']
  if others:
    warnings.warn(f'Left out: {_count(others)}.', stacklevel=4)


def _warn(findings: list[str], count: int) -> None:
  if findings:
    warnings.warn(
      f'{len(findings)} of {count} slices are not scored: {_count(findings)}. '
      'Give check=False to have them scored all the same.',
      stacklevel=4,
    )


def _count(reasons: list[str]) -> str:
  """Returns reasons with their numbers, the most frequent first."""
  counts = collections.Counter(reasons).most_common()
  return '; '.join(f'{number} x {reason}' for reason, number in counts)
