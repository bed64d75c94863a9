# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How unlike the slices of a training others are, by the network's features.

The score of a slice is its Mahalanobis distance to the nearest class mean of
the training slices, under one covariance of all classes (Lee and others 2018,
"A simple unified framework for detecting out-of-distribution samples").
docs/scans.md compares it with other scores.

`training/fit_detector.py` makes a detector. It lies beside the network, in
out_of_distribution.npz.
"""

from collections.abc import Mapping
import dataclasses
import json
import os
import pathlib
from typing import Any, NamedTuple

from etils import epath
import numpy as np

from bit_covid.base import checksums
from bit_covid.base import files
from bit_covid.weights import npz_archive

FILE_NAME = 'out_of_distribution.npz'
REMEDY = 'bit-covid out-of-distribution RUN adds it to a run'
# A scan of fewer slices is judged as single slices are, whose distances vary
# more than the median of many.
FEW_SLICES = 5
_ARRAYS = ('means', 'whitening')
_FACTS = 'facts'


class Judged(NamedTuple):
  """S scans, in the order of their names.

  Attributes:
    distance: the median of each scan's slices, `[S]` float64.
    is_warned: whether it is above the limit of caution, `[S]` bool.
    is_refused: whether it is above the limit of refusal, `[S]` bool.
  """

  distance: np.ndarray
  is_warned: np.ndarray
  is_refused: np.ndarray


class Limits(NamedTuple):
  """What distances are usual, from the patients of val.

  Attributes:
    middle: the median.
    caution: at most this is accepted.
    refused: at most this is accepted with caution.
  """

  middle: float
  caution: float
  refused: float


@dataclasses.dataclass(frozen=True)
class Detector:
  """What tells slices that are unlike those of a training.

  Attributes:
    means: the mean features of each class, `[C, F]` float32.
    whitening: a matrix W for which W times its transpose is the inverse of the
      covariance, `[F, F]` float32.
    slices: limits for a single slice.
    scans: limits for the median of a scan's slices.
    facts: what it was made from, with the digest of the network's file as
      `checkpoint` and the crop of the slices as `box`.
  """

  means: np.ndarray
  whitening: np.ndarray
  slices: Limits
  scans: Limits
  facts: Mapping[str, Any]

  def distances(self, features: np.ndarray) -> np.ndarray:
    """Returns the distance of each slice, `[N]` float64; features `[N, F]`."""
    return distances(features, self.means, self.whitening)

  def limits(self, num_slices: int) -> Limits:
    """Returns the limits for the median distance of that many slices."""
    return self.slices if num_slices < FEW_SLICES else self.scans

  def judge(self, distances: np.ndarray, scan_id: np.ndarray) -> Judged:
    """Returns what the limits say of scans.

    Args:
      distances: of N slices, `[N]`.
      scan_id: of their scans, `[N]`.
    """
    scans = [distances[scan_id == x] for x in np.unique(scan_id)]
    medians = np.array([np.median(each) for each in scans])
    limits = np.array([self.limits(len(each)) for each in scans])
    return Judged(medians, medians > limits[:, 1], medians > limits[:, 2])


def distances(
  features: np.ndarray, means: np.ndarray, whitening: np.ndarray
) -> np.ndarray:
  """Returns Mahalanobis distances to the nearest mean, `[N]` float64.

  Args:
    features: `[N, F]`.
    means: `[C, F]`.
    whitening: `[F, F]`, as in `Detector`.
  """
  whitening = np.asarray(whitening, np.float64)
  points = np.asarray(features, np.float64) @ whitening
  centers = np.asarray(means, np.float64) @ whitening
  each = [np.linalg.norm(points - center, axis=1) for center in centers]
  return np.min(each, axis=0)


def write(folder: epath.Path, detector: Detector) -> None:
  """Writes a detector beside its network."""
  facts = {
    **detector.facts,
    'slices': detector.slices,
    'scans': detector.scans,
  }
  text = json.dumps(facts, sort_keys=True).encode()
  files.write_npz(
    folder / FILE_NAME,
    {
      'means': detector.means.astype(np.float32),
      'whitening': detector.whitening.astype(np.float32),
      _FACTS: np.frombuffer(text, np.uint8),
    },
  )


def find(
  checkpoint: pathlib.Path, *, num_features: int
) -> tuple[Detector | None, str]:
  """Returns the detector beside a network's file, or why there is none.

  Args:
    checkpoint: the .npz file of the network.
    num_features: F, of its head.

  Raises:
    ValueError: the detector's file is damaged.
  """
  path = checkpoint.parent / FILE_NAME
  if not path.exists():
    return None, f'there is no {FILE_NAME} beside the network; {REMEDY}'
  found = _read(path, num_features)
  if found.facts['checkpoint'] != checksums.of_file(epath.Path(checkpoint)):
    return None, f'{FILE_NAME} was made for another network; {REMEDY}'
  return found, ''


def _read(path: str | os.PathLike[str], num_features: int) -> Detector:
  headers = npz_archive.read_headers(path)
  shapes = {name: header.shape for name, header in headers.items()}
  means, whitening = (shapes.get(name, ()) for name in _ARRAYS)
  if (
    shapes.keys() != {*_ARRAYS, _FACTS}
    or len(means) != 2
    or means[1] != num_features
    or whitening != (num_features, num_features)
  ):
    raise ValueError(
      f'{path} holds {shapes}; expected means [C, {num_features}], whitening '
      f'[{num_features}, {num_features}] and facts. Remove it; {REMEDY}.'
    )
  arrays = npz_archive.read_arrays(path, headers)
  try:
    facts = json.loads(arrays.pop(_FACTS).astype(np.uint8).tobytes())
    slices, scans = (Limits(*facts.pop(x)) for x in ('slices', 'scans'))
    numbers = np.array([*slices, *scans, 0 * len(facts['checkpoint'])], float)
  except (ValueError, KeyError, TypeError, RecursionError) as error:
    raise ValueError(
      f'{path}: its facts are damaged ({error!r}). Remove it; {REMEDY}.'
    ) from error
  if not all(np.isfinite(x).all() for x in (numbers, *arrays.values())):
    raise ValueError(
      f'{path} holds numbers that are NaN or infinite. Remove it; {REMEDY}.'
    )
  return Detector(**arrays, slices=slices, scans=scans, facts=facts)
