# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Hashes of slices, and an index that finds those nearest to a hash.

The 320 bits of a hash are signs of random projections of the leading principal
components of a picture of 12 x 12 pixels, each component of unit variance. So
the bits of two slices that are no copies are nearly independent, although all
slices show a chest. A pair is found if all bits of one of 20 bands agree.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from bit_covid.audit import thumbnails as thumbnails_lib

_SIDE = 12
_COMPONENTS = 24
_BANDS = 20
# A band is a uint16.
_BITS = 16 * _BANDS
_KEYS = 1 << 16
# Bits of 320 that differ in a candidate, at most; by chance 160 do.
_MOST_DIFFERENT = 80
# Width of the cut-outs of a thumbnail, and how many lie along a side.
_CUTS = ((thumbnails_lib.SIDE, 1), (60, 2), (56, 3))
ORIENTATIONS = 8


def _windows() -> list[tuple[slice, slice]]:
  found = []
  for width, count in _CUTS:
    starts = np.linspace(0, thumbnails_lib.SIDE - width, count).astype(int)
    spans = [slice(start, start + width) for start in starts]
    found += [(y, x) for y in spans for x in spans]
  return found


_WINDOWS = _windows()
NUM_VIEWS = ORIENTATIONS * len(_WINDOWS)


class Code(NamedTuple):
  """How pictures of a data set are hashed.

  Attributes:
    mean: `[144]` float32.
    components: `[144, C]` float32, scaled to unit variance.
    planes: `[C, 320]` float32.
  """

  mean: np.ndarray
  components: np.ndarray
  planes: np.ndarray

  def bits(self, pictures: np.ndarray) -> np.ndarray:
    """Returns the hashes of `[..., 12, 12]` uint8, `[..., 20]` uint16."""
    whitened = (_normalized(pictures) - self.mean) @ self.components
    bits = np.packbits(whitened @ self.planes > 0, axis=-1)
    return bits.view(np.uint16)


def fit(pictures: np.ndarray) -> Code:
  """Returns a code for `[N, 12, 12]` uint8 pictures of a data set."""
  values = _normalized(pictures)
  variances, vectors = np.linalg.eigh(np.cov(values.T, bias=True))
  kept = np.argsort(-variances)[:_COMPONENTS]
  # A small data set has fewer components.
  kept = kept[variances[kept] > 1e-6 * variances.max()]
  planes = np.random.default_rng(0).normal(size=(len(kept), _BITS))
  return Code(
    values.mean(axis=0),
    np.float32(vectors[:, kept] / np.sqrt(variances[kept])),
    np.float32(planes),
  )


def _normalized(pictures: np.ndarray) -> np.ndarray:
  """Returns `[..., 144]` float32 of mean 0 and norm 1."""
  values = pictures.reshape(*pictures.shape[:-2], -1).astype(np.float32)
  values -= values.mean(axis=-1, keepdims=True)
  return values / (np.linalg.norm(values, axis=-1, keepdims=True) + 1e-6)


def whole(thumbnail: np.ndarray) -> np.ndarray:
  """Returns the picture of a thumbnail that is hashed, `[12, 12]` uint8."""
  return _resized(thumbnail, _WINDOWS[0])


def views(thumbnail: np.ndarray) -> np.ndarray:
  """Returns the pictures of all cut-outs and orientations, `[V, 12, 12]`."""
  cut = np.stack([_resized(thumbnail, window) for window in _WINDOWS])
  return np.concatenate([_turned(cut, turn) for turn in range(ORIENTATIONS)])


def turned_as(thumbnail: np.ndarray, view: int) -> np.ndarray:
  """Returns the whole thumbnail in the orientation of one of its `views`."""
  return np.ascontiguousarray(_turned(thumbnail, view // len(_WINDOWS)))


def _resized(thumbnail: np.ndarray, window: tuple[slice, slice]) -> np.ndarray:
  cut = np.ascontiguousarray(thumbnail[window])
  return cv2.resize(cut, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)


def _turned(pictures: np.ndarray, turn: int) -> np.ndarray:
  """Returns `[..., S, S]` pictures in one of eight orientations."""
  if turn >= 4:
    pictures = pictures[..., ::-1]
  return np.rot90(pictures, turn % 4, axes=(-2, -1))


class Index:
  """Finds hashes that agree with a given one in a whole band."""

  def __init__(self, bits: np.ndarray):
    """Sorts `[N, 20]` uint16 hashes by each of their bands."""
    self._words = bits.view(np.uint64)
    self._order = [np.argsort(x, kind='stable') for x in bits.T]
    self._ends = [np.cumsum(np.bincount(x, minlength=_KEYS)) for x in bits.T]

  def near(self, queries: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields pairs of a query and an indexed hash, and their distance.

    Args:
      queries: `[Q, 20]` uint16.

    Yields:
      Three `[n]` arrays for each band. A pair may be in several bands.
    """
    words = queries.view(np.uint64)
    for band, keys in enumerate(queries.T):
      ends = self._ends[band]
      end = ends[keys]
      count = end - np.where(keys > 0, ends[keys - 1], 0)
      query = np.repeat(np.arange(len(keys)), count)
      # Counts down within each bucket.
      back = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
      row = self._order[band][np.repeat(end, count) - 1 - back]
      different = words[query] ^ self._words[row]
      distance = np.bitwise_count(different).sum(axis=1, dtype=np.int32)
      near = distance <= _MOST_DIFFERENT
      yield query[near], row[near], distance[near]
