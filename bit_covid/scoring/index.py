# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The overview of all scans of a call, with a link to the page of each."""

import collections
from collections.abc import Sequence
import io

import markupsafe
from PIL import Image

from bit_covid.scoring import certainty
from bit_covid.scoring import gradcam_montage
from bit_covid.scoring import page
from bit_covid.scoring import scan_result
from input_pipeline import scans

# Pixels of a thumbnail. The page shows it at half the size, so that it is sharp
# on screens of high resolution.
_THUMBNAIL = 144


def render(
  rows: Sequence[str],
  found: scans.Found,
  class_names: tuple[str, ...],
  *,
  counts: str,
  cautions: Sequence[str],
) -> str:
  """Returns the HTML of the page, with the scans in this order.

  Refused files are only counted by reason, since a file name can identify the
  patient.

  Args:
    rows: of `row`.
    found: all scans and files of the call.
    class_names: in the order of the probabilities.
    counts: of `tables.counts_text`.
    cautions: of `output`.
  """
  reasons = collections.Counter(each.reason for each in found.refused)
  template = page.environment().get_template('index.html.j2')
  return template.render(
    cautions=cautions,
    classes=class_names,
    limits=certainty.LIMITS,
    rows=[markupsafe.Markup(x) for x in rows],
    refused=reasons.most_common(),
    counts=counts,
  )


def row(result: scan_result.ScanResult) -> str:
  """Returns what the overview shows of a scan, the HTML of a table's row."""
  content = {
    'id': result.scan.id,
    'predicted': result.predicted,
    'verdict': result.verdict,
    'probabilities': result.scan_probabilities.get(
      scan_result.DEFAULT_AGGREGATION
    ),
    'certainty': result.certainty,
    'disagreement': page.disagreement(result),
    'counted': result.num_used,
    'total': len(result.slices),
    'findings': page.findings(result),
    'thumbnail': _thumbnail(result) if result.montage_slices else None,
  }
  template = page.environment().get_template('index_row.html.j2')
  return template.render(scan=content, classes=result.class_names)


def _thumbnail(result: scan_result.ScanResult) -> bytes:
  """Returns the slice most probably of the predicted class, as a PNG."""
  predicted = result.class_names.index(result.predicted)
  most_probable = max(
    result.montage_slices, key=lambda each: each.probabilities[predicted]
  )
  plain, _ = gradcam_montage.overlay(most_probable, predicted)
  picture = Image.fromarray(plain[..., 0])
  picture = picture.resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
  buffer = io.BytesIO()
  picture.save(buffer, 'PNG')
  return buffer.getvalue()
