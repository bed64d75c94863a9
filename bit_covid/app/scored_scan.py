# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A scored scan as the page shows it: pictures of its slices, maps, numbers."""

from collections.abc import Sequence
import io
from typing import Any, NamedTuple

from matplotlib import colormaps
import numpy as np
from PIL import Image

from bit_covid.analysis import colours
from bit_covid.models import class_maps
from bit_covid.scoring import gradcam_montage
from bit_covid.scoring import page
from bit_covid.scoring import scan_result
from input_pipeline import scans

# Largest length of the longer side in pixels; CT slices have 512.
_PICTURE, _THUMBNAIL = 768, 96


class Picture(NamedTuple):
  """A picture of a slice, and a thumbnail, as PNG files."""

  # Height and width of the slice as it was read.
  size: tuple[int, int]
  full: bytes
  small: bytes


class ScoredScan(NamedTuple):
  """A scan that was scored."""

  result: scan_result.ScanResult
  # By index of the slice; slices that could not be read have none.
  pictures: dict[int, Picture]


def picture(gray: np.ndarray) -> Picture:
  """Returns the picture of a slice, `[H, W]` uint8."""
  return Picture(gray.shape, _png(gray, _PICTURE), _png(gray, _THUMBNAIL))


def heat(scored: ScoredScan, index: int, class_index: int) -> bytes | None:
  """Returns the Grad-CAM map of a slice and class as a PNG file.

  The picture has the size of the slice's box. Its alpha channel is the map, so
  that a page that shows it with the opacity o covers the slice by o times the
  map, as in a report. None if the slice was not scored, or if slice or class do
  not exist.
  """
  if index >= len(scored.result.slices):
    return None
  each = scored.result.slices[index]
  if each.maps is None or class_index >= len(each.maps):
    return None
  xmin, ymin, xmax, ymax = _box(scored, index)
  scale = min(1.0, _PICTURE / max(ymax - ymin, xmax - xmin))
  size = (round((ymax - ymin) * scale), round((xmax - xmin) * scale))
  small = each.maps[class_index]
  size = tuple(max(pair) for pair in zip(size, small.shape, strict=True))
  values = np.clip(class_maps.enlarge(small, size), 0, 1)
  rgba = colormaps[colours.MAPS](values, bytes=True)
  rgba[..., 3] = np.rint(255 * values)
  return _encode(Image.fromarray(rgba))


def preview(scan: scans.Scan) -> bytes | None:
  """Returns the scan's middle slice as a PNG file; None if it is damaged."""
  try:
    return _png(scan.slices[len(scan) // 2].read().gray, _THUMBNAIL)
  except scans.UnreadableError:
    return None


def summary(scan: scans.Scan) -> dict[str, Any]:
  """Returns how a user recognizes a scan, for JSON, without file names."""
  return {
    'source': page.SOURCES[scan.source],
    'slices': len(scan),
    'spacing': scan.spacing,
  }


def content(
  scored: ScoredScan, cautions: Sequence[str], temperature: float | None
) -> dict[str, Any]:
  """Returns the content of the page of a scan, for JSON, without file names.

  Args:
    scored: the scan.
    cautions: of `output.cautions`.
    temperature: of the classifier; None: not calibrated.
  """
  result = scored.result
  calibration = temperature and (
    'Calibrated on the validation slices of the training (temperature '
    f'{temperature:.2f}), slice by slice.'
  )
  joined = [
    {'method': text, 'probabilities': values.tolist()}
    for text, values in page.aggregations(result)
  ]
  return {
    'id': result.scan.id,
    'class_names': result.class_names,
    'predicted': result.predicted,
    'verdict': {
      'outcome': result.verdict.outcome,
      'is_withheld': result.verdict.is_withheld,
      'text': ' '.join([result.verdict.meaning, *result.verdict.reasons]),
    },
    'certainty': result.certainty and result.certainty.full,
    'disagreement': page.disagreement(result),
    'joined': joined,
    'counted': result.num_used,
    'cautions': list(cautions),
    'calibration': calibration,
    'findings': page.findings(result),
    'notes': result.scan.notes,
    'facts': page.facts(result),
    'has_sides': result.scan.has_sides,
    'window': result.scan.window and page.window_text(result.scan.window),
    'colours': gradcam_montage.colours_of_maps(),
    'slices': [_slice(scored, i) for i in range(len(result.slices))],
  }


def _slice(scored: ScoredScan, index: int) -> dict[str, Any]:
  each = scored.result.slices[index]
  picture = scored.pictures.get(index)
  is_scored = each.probabilities is not None
  return {
    'position': each.position,
    'finding': each.finding,
    'counts': each.is_used,
    'probabilities': each.probabilities.tolist() if is_scored else None,
    'size': picture and picture.size,
    'box': _box(scored, index) if is_scored else None,
    # For each class, whether its map has a positive value.
    'has_map': (each.maps.max(axis=(1, 2)) > 0).tolist() if is_scored else None,
  }


def _box(scored: ScoredScan, index: int) -> list[int]:
  box = scored.result.slices[index].box
  if box is not None:
    return box.tolist()
  height, width = scored.pictures[index].size
  return [0, 0, width, height]


def _png(gray: np.ndarray, longest: int) -> bytes:
  image = Image.fromarray(gray)
  scale = longest / max(image.size)
  if scale < 1:
    size = [max(1, round(x * scale)) for x in image.size]
    image = image.resize(size, Image.Resampling.BOX)
  return _encode(image)


def _encode(image: Image.Image) -> bytes:
  buffer = io.BytesIO()
  # Weak compression, since the page waits for the pictures.
  image.save(buffer, 'PNG', compress_level=1)
  return buffer.getvalue()
