# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Results of scans as tables, one function for each CSV that is written."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bit_covid.analysis import predictions
from bit_covid.scoring import scan_result
from input_pipeline import scans

# The similar patients of val, on how many of them the network was right, the
# interval of this share, and all of it in words.
_CERTAINTY = (
  *('similar', 'similar_right', 'right_low', 'right_high', 'certainty'),
)


def predictions_table(
  results: Sequence[scan_result.ScanResult], class_names: tuple[str, ...]
) -> pd.DataFrame:
  """Returns the table of `analysis.predictions` with a row per slice.

  Slices are named by their digests, and `patient_id` is the scan's id. A slice
  that was not scored has NaN for probabilities.
  """
  slices = [(r.scan, x) for r in results for x in r.slices]
  unscored = np.full(len(class_names), np.nan)
  return predictions.make_table(
    slice_id=[x.slice_id for _, x in slices],
    patient_id=[scan.id for scan, _ in slices],
    source=[scan.source for scan, _ in slices],
    label=np.full(len(slices), -1),
    probabilities=np.array(
      [
        unscored if x.probabilities is None else x.probabilities
        for _, x in slices
      ]
    ).reshape(-1, len(class_names)),
    class_names=class_names,
  )


def slices_table(results: Sequence[scan_result.ScanResult]) -> pd.DataFrame:
  """Returns a row per slice: its position, and why it does not count."""
  columns = ['slice_id', 'scan_id', 'number', 'position_mm', 'distance']
  rows = [
    [
      *(x.slice_id, r.scan.id, number, x.position, x.distance),
      *(x.is_used, x.finding or ''),
    ]
    for r in results
    for number, x in enumerate(r.slices, start=1)
  ]
  return pd.DataFrame(rows, columns=[*columns, 'counts', 'finding'])


def scans_table(
  results: Sequence[scan_result.ScanResult], class_names: tuple[str, ...]
) -> pd.DataFrame:
  """Returns a row per scan and aggregation method.

  A scan without a slice that counts has one row, with NaN for probabilities.
  The similar patients of val are in the row of the method that decides.
  """
  columns = [
    *('scan_id', 'source', 'slices', 'counted', 'verdict', 'distance'),
    *('reasons', 'method', 'predicted', 'unanimous', *_CERTAINTY),
  ]
  names = [f'p_{name}' for name in class_names]
  unscored = {'': np.full(len(class_names), np.nan)}
  rows = []
  for r in results:
    for method, values in (r.scan_probabilities or unscored).items():
      predicted = class_names[int(values.argmax())] if method else ''
      facts = [r.scan.id, r.scan.source, len(r.slices), r.num_used]
      judged = [r.verdict.outcome, r.verdict.distance]
      reasons = ' '.join(r.verdict.reasons)
      known = _certainty(r, method)
      chosen = [reasons, method, predicted, r.is_unanimous]
      rows.append([*facts, *judged, *chosen, *known, *values])
  table = pd.DataFrame(rows, columns=[*columns, *names])
  # Otherwise, missing numbers would make the others floats.
  return table.astype(dict.fromkeys(_CERTAINTY[:2], 'Int64'))


def _certainty(result: scan_result.ScanResult, method: str) -> list[object]:
  found = result.certainty
  if found is None or method != scan_result.DEFAULT_AGGREGATION:
    return [None, None, None, None, '']
  if found.similar is None:
    return [None, None, None, None, found.text]
  count, right, *_, share = found.similar
  return [count, right, share.low, share.high, found.text]


def refused_table(refused: Sequence[scans.Refused]) -> pd.DataFrame:
  """Returns a row per refused file: its digest, and why it is in no scan."""
  rows = [(x.id, x.cause, x.reason) for x in refused]
  return pd.DataFrame(rows, columns=['file_id', 'cause', 'reason'])


def counts_table(
  found: scans.Found, *, num_scans: int, num_slices: int, num_counted: int
) -> pd.DataFrame:
  """Returns the numbers of files, scans and slices that were given and used.

  Files given are those used and those refused, and slices are those that count
  and those that do not.

  Args:
    found: all scans and files of the call.
    num_scans: how many of the scans are in the results.
    num_slices: how many slices these have.
    num_counted: how many of their slices count.
  """
  rows = [
    ('files given', found.num_files),
    ('files used', found.num_used),
    ('files refused', found.num_files - found.num_used),
    ('scans found', len(found.scans)),
    ('scans here', num_scans),
    ('slices', num_slices),
    ('slices that count', num_counted),
    ('slices that do not count', num_slices - num_counted),
  ]
  return pd.DataFrame(rows, columns=['what', 'number'])


def counts_text(counts: pd.DataFrame) -> str:
  """Returns the numbers of `counts_table` as sentences."""
  number = counts.set_index('what')['number']
  return (
    f'Files given: {number["files given"]:,}. In scans: '
    f'{number["files used"]:,}. In none: {number["files refused"]:,}. '
    f'Slices of the scans here: {number["slices"]:,}. Of these count: '
    f'{number["slices that count"]:,}. Do not count: '
    f'{number["slices that do not count"]:,}.'
  )
