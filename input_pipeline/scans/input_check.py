# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Whether an image is an axial chest CT slice in a lung window.

Simple rules on gray values, each with a number that was measured; docs/scans.md
has what real slices and other pictures measure. A network answers whatever it
is asked: a photograph gets probabilities of pneumonia, too.
"""

from typing import NamedTuple

import cv2
import numpy as np

from input_pipeline.scans import scan

# Measured at this many pixels of the longer side, so that numbers do not depend
# on the size of an image.
_SIDE = 256
_SMALLEST = 48
_LONGEST = 2.0
# Gray values between red, green and blue; JPEG makes 1 or 2 out of gray.
_COLOUR = 8.0
# Standard deviation of the gray values; of slices 50 to 87.
_CONTRAST = 15.0
# How much of the upper or lower edge is body; of axial slices at most 0.02, of
# coronal and sagittal ones and X-rays mostly above 0.4.
_EDGE = 0.3
# How much of the variance two gray levels explain, air and tissue. Slices have
# 0.82 to 0.96 and, with every second voxel of the lungs turned to ground glass,
# still 0.83; X-rays of the chest 0.55 to 0.84.
_TWO_LEVELS = 0.7
# The median of what is brighter: soft tissue, which has 204 to 243 under the
# window of COVIDx CT, and 177 at least in drawn slices.
_TISSUE = 170.0
# Connected dark areas within the body, of its area; those below a hundredth are
# airways and bowel gas.
_LUNGS = 0.03
_LUNG_PART = 0.01
# The median of these areas; of lungs 61 to 121.
_LUNG_GRAY = (25.0, 140.0)

NO_LUNGS = 'no lungs seen, or hardly any'


class Measurements(NamedTuple):
  """What the rules look at.

  Attributes:
    contrast: standard deviation of the gray values.
    two_levels: share of the variance that a threshold explains, 0 to 1.
    tissue: median of what is brighter than that in the body.
    edge: share of the upper or lower edge that is body, the larger one.
    lungs: connected dark areas within the body, as a share of its area.
    lung_gray: their median; NaN without any.
  """

  contrast: float
  two_levels: float
  tissue: float
  edge: float
  lungs: float
  lung_gray: float


class Verdict(NamedTuple):
  """What the rules say.

  Attributes:
    problem: why an image is no axial chest CT slice; None: it may be one.
    has_lungs: whether there are dark areas in the body that may be lungs. A
      slice above or below them is an axial CT slice, too.
  """

  problem: str | None
  has_lungs: bool


def check(pixels: scan.Pixels) -> Verdict:
  """Returns what the rules say of an image."""
  found = measure(pixels.gray)
  low, high = _LUNG_GRAY
  has_lungs = found.lungs >= _LUNGS and low <= found.lung_gray <= high
  return Verdict(_problem(pixels, found), has_lungs)


def _problem(pixels: scan.Pixels, found: Measurements) -> str | None:
  height, width = pixels.gray.shape
  if min(height, width) < _SMALLEST:
    return f'{width} x {height} pixels: too small for a slice'
  if max(height, width) > _LONGEST * min(height, width):
    return f'{width} x {height} pixels: too long for an axial slice'
  if pixels.colour > _COLOUR:
    return 'a colour image'
  if found.contrast < _CONTRAST:
    return 'blank, or nearly so'
  if found.two_levels < _TWO_LEVELS:
    return 'its gray values are not those of CT: X-ray or photograph?'
  if found.tissue < _TISSUE:
    return 'nothing in it is as bright as soft tissue in a lung window'
  if found.edge > _EDGE:
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
  lungs = _large_parts(body & (small <= threshold), _LUNG_PART * area)
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
  """Returns the connected parts of an area with more than `least` pixels."""
  _, labels, facts, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8))
  large = facts[:, cv2.CC_STAT_AREA] > least
  large[0] = False  # What is not in the area.
  return large[labels]
