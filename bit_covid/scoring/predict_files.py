# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files to a predictions table, for `Classifier.predict`."""

import collections
from collections.abc import Sequence
import os
import warnings

import pandas as pd

from bit_covid.inference import network as network_lib
from bit_covid.scoring import page
from bit_covid.scoring import scan_result
from bit_covid.scoring import score
from bit_covid.scoring import tables
from input_pipeline import scans
from input_pipeline.scans import window as window_lib


def predict_files(
  network: network_lib.Network,
  paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
  *,
  check: bool,
) -> pd.DataFrame:
  """Returns the predictions table of files; see `Classifier.predict`.

  Raises:
    ValueError: a slice cannot be decoded.
  """
  with scans.find(
    paths,
    window=network.window or window_lib.DEFAULT,
    range_16bit=tuple(network.preprocessing['range_16bit']),
  ) as all_found:
    found = scans.without_copies(all_found)
    _check_refused(found)
    results = [
      score.score(
        network,
        x,
        score_flagged=not check,
        allow_unfamiliar=not check,
        num_shown=0,
      )
      for x in found.scans
    ]
  slices = [(r.scan, x) for r in results for x in r.slices]
  for _, each in slices:
    if not each.is_readable:
      raise ValueError(f'{each.name}: {each.finding}')
  findings = [x.finding for _, x in slices if x.finding]
  if check and findings:
    warnings.warn(
      f'{len(findings)} of {len(slices)} slices are not scored: '
      f'{_count(findings)}. Give check=False to have them scored all the same.',
      stacklevel=3,
    )
  _warn_of_doubts(results)
  table = tables.predictions_table(results, network.class_names)
  # Slices of images have no patient, so nobody asked for a result of them all.
  table.attrs['certainty'] = {
    x.scan.id: ' '.join(page.worth(x))
    for x in results
    if x.scan_probabilities and x.scan.source != 'images'
  }
  return table.assign(
    # Unlike a result that is passed on, a notebook shows the user's own names.
    slice_id=[x.name for _, x in slices],
    # Nothing says which images are of one patient.
    patient_id=['' if s.source == 'images' else s.id for s, _ in slices],
  )


def _warn_of_doubts(results: Sequence[scan_result.ScanResult]) -> None:
  """Warns of scans whose probabilities call for caution."""
  doubts = [
    ' '.join(each.verdict.reasons)
    for each in results
    if each.num_used and each.verdict.outcome in ('caution', 'refused')
  ]
  if doubts:
    warnings.warn(
      f'{len(doubts)} of {len(results)} scans: {_count(doubts)}', stacklevel=4
    )


def _check_refused(found: scans.Found) -> None:
  """Warns of files that are left out.

  Raises:
    FileNotFoundError: there is no scan.
    ValueError: a file is damaged.
  """
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


def _count(reasons: list[str]) -> str:
  """Returns reasons with their numbers, the most frequent first."""
  counts = collections.Counter(reasons).most_common()
  return '; '.join(f'{number} x {reason}' for reason, number in counts)
