# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Checks whether an image is an axial chest CT slice in a lung window.

A network gives probabilities of pneumonia for any picture, even a photograph.
So simple rules on the gray values come first. docs/scans.md lists the values
that were measured on real slices and on other pictures.
"""

from typing import NamedTuple

import cv2
import numpy as np

from input_pipeline.scans import scan

# An image is measured after its longer side is resized to this many pixels, so
# that the measurements do not depend on its size.
_SIDE = 256
# The smallest side in pixels, and the largest ratio of the sides.
_MIN_SIDE = 48
_MAX_ASPECT = 2.0
# The largest mean difference of red, green and blue in gray values. JPEG turns
# gray into differences of 1 or 2.
_MAX_COLOUR = 8.0
# The smallest standard deviation of the gray values. Slices have 50 to 87.
_MIN_CONTRAST = 15.0
# The largest share of the upper or lower edge that is body. Axial slices have
# at most 0.02; coronal and sagittal slices and X-rays mostly more than 0.4.
_MAX_EDGE = 0.3
# The smallest share of the variance that two gray levels explain, air and
# tissue. Slices have 0.82 to 0.96, and 0.83 if half of the lung voxels are
# turned to ground glass. Chest X-rays have 0.55 to 0.84.
_MIN_TWO_LEVELS = 0.7
# The smallest median of the brighter of these two, the soft tissue. Under the
# window of COVIDx CT it is 204 to 243, and at least 177 in drawn slices.
_MIN_TISSUE = 170.0
# The smallest share of the body that connected dark areas take if they are
# lungs. Areas of less than the second share are airways and bowel gas.
_MIN_LUNGS = 0.03
_MIN_LUNG_PART = 0.01
# The range of the median gray value of these areas. Lungs have 61 to 121.
_LUNG_GRAY = (25.0, 140.0)

NO_LUNGS = 'no lungs seen, or hardly any'


class Measurements(NamedTuple):
  """The measurements that the rules compare with limits.

  Attributes:
    contrast: standard deviation of the gray values.
    two_levels: share of the variance that Otsu's threshold explains, 0 to 1.
    tissue: median gray value of the body above that threshold.
    edge: share of the upper or of the lower edge that is body, whichever is
      larger.
    lungs: large connected areas of the body below the threshold, as a share of
      the body.
    lung_gray: median gray value of these areas; NaN if there are none.
  """

  contrast: float
  two_levels: float
  tissue: float
  edge: float
  lungs: float
  lung_gray: float


class Verdict(NamedTuple):
  """The result of the rules for one image.

  Attributes:
    problem: why the image is no axial chest CT slice; None if it may be one.
    has_lungs: whether dark areas in the body may be lungs. Slices above and
      below the lungs have none and are axial CT slices all the same.
  """

  problem: str | None
  has_lungs: bool


def check(pixels: scan.Pixels) -> Verdict:
  """Returns whether an image may be an axial chest CT slice, and has lungs."""
  found = measure(pixels.gray)
  low, high = _LUNG_GRAY
  has_lungs = found.lungs >= _MIN_LUNGS and low <= found.lung_gray <= high
  return Verdict(_problem(pixels, found), has_lungs)


def _problem(pixels: scan.Pixels, found: Measurements) -> str | None:
  height, width = pixels.gray.shape
  if min(height, width) < _MIN_SIDE:
    return f'{width} x {height} pixels: too small for a slice'
  if max(height, width) > _MAX_ASPECT * min(height, width):
    return f'{width} x {height} pixels: too long for an axial slice'
  if pixels.colour > _MAX_COLOUR:
    return 'a colour image'
  if found.contrast < _MIN_CONTRAST:
    return 'blank, or nearly so'
  if found.two_levels < _MIN_TWO_LEVELS:
    return 'its gray values are not those of CT: X-ray or photograph?'
  if found.tissue < _MIN_TISSUE:
    return 'nothing in it is as bright as soft tissue in a lung window'
  if found.edge > _MAX_EDGE:
    return (
      'the body goes beyond the upper or lower edge: not an axial slice, or '
      'only a part of one'
    )
  return None


def measure(gray: np.ndarray) -> Measurements:
  """Returns the measurements of a slice, `[H, W]` uint8."""
  small = _shrink(gray)
  contrast = float(small.std())
  threshold, two_levels = _otsu(small)
  body = _body(small > threshold)
  area = int(body.sum())
  if not area:
    return Measurements(contrast, two_levels, 0.0, 0.0, 0.0, np.nan)
  inside = small[body & (small > threshold)]
  lungs = _large_parts(body & (small <= threshold), _MIN_LUNG_PART * area)
  return Measurements(
    contrast=contrast,
    two_levels=two_levels,
    tissue=float(np.median(inside)),
    edge=float(max(body[0].mean(), body[-1].mean())),
    lungs=float(lungs.sum() / area),
    lung_gray=float(np.median(small[lungs])) if lungs.any() else np.nan,
  )


def _shrink(gray: np.ndarray) -> np.ndarray:
  height, width = gray.shape
  scale = _SIDE / max(height, width)
  size = max(1, round(width * scale)), max(1, round(height * scale))
  small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
  return cv2.GaussianBlur(small, (5, 5), 0)


def _otsu(gray: np.ndarray) -> tuple[int, float]:
  """Returns Otsu's threshold and the share of the variance it explains."""
  share = np.bincount(gray.ravel(), minlength=256) / gray.size
  below = np.cumsum(share)
  sums = np.cumsum(share * np.arange(256))
  mean = sums[-1]
  total = float((share * (np.arange(256) - mean) ** 2).sum())
  if not total:
    return int(gray[0, 0]), 0.0
  split = (below > 0) & (below < 1)
  between = np.zeros(256)
  between[split] = (mean * below[split] - sums[split]) ** 2 / (
    below[split] * (1 - below[split])
  )
  threshold = int(between.argmax())
  return threshold, float(between[threshold] / total)


def _body(bright: np.ndarray) -> np.ndarray:
  """Returns the largest bright area and what it encloses, `[H, W]` bool."""
  contours, _ = cv2.findContours(
    bright.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
  )
  body = np.zeros(bright.shape, np.uint8)
  if contours:
    largest = max(contours, key=cv2.contourArea)
    cv2.drawContours(body, [largest], -1, 1, cv2.FILLED)
  return body.astype(bool)


def _large_parts(area: np.ndarray, least: float) -> np.ndarray:
  """Returns the connected parts of an area that have more than `least` pixels.

  Both are `[H, W]` bool.
  """
  _, labels, facts, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8))
  large = facts[:, cv2.CC_STAT_AREA] > least
  large[0] = False  # The label of the pixels outside of the area.
  return large[labels]
