# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Makes the detector of slices that are unlike those of a training.

Class means and covariance come from slices of train, limits from the patients
of val. The slices are cropped as scans are, because a network that was trained
on annotated boxes gives other features for the boxes that are found.
"""

from collections.abc import Mapping
import math

from etils import epath
import numpy as np
from sklearn import covariance

from bit_covid.base import checksums
from bit_covid.inference import detector as detector_lib
import input_pipeline

# Of train and of val; each split's patients have about equal shares of them.
MOST_SLICES = 2000
# With P patients of val, up to 1 of P + 1 scans like them is over the limit.
FEWEST_PATIENTS = 20
# The share of scans like those of val that is to be accepted.
_ACCEPTED = 0.99
# Of a scan that is refused, as a multiple of the way from the middle of val to
# the limit of caution.
_REFUSED = 2.0


def write(
  workdir: epath.Path,
  data: Mapping[str, input_pipeline.Examples],
  features: Mapping[str, np.ndarray],
  *,
  box: str,
) -> None:
  """Writes the detector beside model.npz.

  Args:
    workdir: of the run.
    data: slices of train and of val, taken by `choose`.
    features: of the same slices, `[N, F]`, by the name of the split.
    box: how these were cropped.
  """
  means, whitening = fit(features['train'], data['train'].label)
  found = detector_lib.distances(features['val'], means, whitening)
  slices, scans = limits(found, data['val'].patient_id)
  facts = {
    'checkpoint': checksums.of_file(workdir / 'model.npz'),
    'box': box,
    **{name: _size(each) for name, each in data.items()},
  }
  detector_lib.write(
    workdir, detector_lib.Detector(means, whitening, slices, scans, facts)
  )


def problem(val: input_pipeline.Examples) -> str:
  """Returns why there can be no detector, '' if there can."""
  patients = len(np.unique(val.patient_id))
  if patients < FEWEST_PATIENTS:
    return f'val has {patients} patients, fewer than {FEWEST_PATIENTS}'
  return ''


def choose(patient_id: np.ndarray, most: int = MOST_SLICES) -> np.ndarray:
  """Returns the sorted rows of up to `most` slices, in turn of each patient."""
  generator = np.random.default_rng(0)
  drawn = generator.permutation(len(patient_id))
  _, patient = np.unique(patient_id[drawn], return_inverse=True)
  order = np.argsort(patient, kind='stable')
  counts = np.bincount(patient)
  turn = np.empty(len(drawn), np.int64)
  turn[order] = np.arange(len(drawn)) - np.repeat(
    np.cumsum(counts) - counts, counts
  )
  return np.sort(drawn[np.argsort(turn, kind='stable')][:most])


def fit(
  features: np.ndarray, label: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Returns class means and whitening, float32, as in `detector.Detector`.

  The covariance is that of the features about the mean of their class, shrunk
  by Ledoit and Wolf's rule. Without shrinking, it could not be inverted if
  there are fewer slices than features.

  Args:
    features: `[N, F]`.
    label: `[N]` int.
  """
  features = features.astype(np.float64)
  classes, index = np.unique(label, return_inverse=True)
  means = np.stack([features[index == i].mean(0) for i in range(len(classes))])
  shrunk = covariance.LedoitWolf(assume_centered=True)
  precision = shrunk.fit(features - means[index]).precision_
  whitening = np.linalg.cholesky(precision)
  return means.astype(np.float32), whitening.astype(np.float32)


def limits(
  distances: np.ndarray, patient_id: np.ndarray
) -> tuple[detector_lib.Limits, detector_lib.Limits]:
  """Returns the limits for slices and for scans, from the patients of val.

  The limit of caution is the smallest distance that at most 1 % of new scans
  like those of val exceed; with fewer than 99 patients, the largest distance,
  which 1 of P + 1 exceeds on average. For slices, patients count alike.

  Args:
    distances: of the slices of val, `[N]`.
    patient_id: `[N]` text.
  """
  _, patient, counts = np.unique(
    patient_id, return_inverse=True, return_counts=True
  )
  medians = np.array(
    [np.median(distances[patient == i]) for i in range(len(counts))]
  )
  shares = 1 / counts[patient]
  return _limits(distances, shares), _limits(medians, np.ones(len(medians)))


def _limits(values: np.ndarray, weights: np.ndarray) -> detector_lib.Limits:
  """Returns the limits from values whose weights sum to that of patients."""
  order = np.argsort(values)
  values, below = values[order], np.cumsum(weights[order])
  patients = round(float(weights.sum()))
  # As in conformal prediction: a new one is as likely in any of P + 1 places.
  wanted = min(patients, math.ceil(_ACCEPTED * (patients + 1)))
  caution = values[min(np.searchsorted(below, wanted - 1e-6), len(values) - 1)]
  middle = values[np.searchsorted(below, patients / 2 - 1e-6)]
  refused = middle + _REFUSED * (caution - middle)
  return detector_lib.Limits(float(middle), float(caution), float(refused))


def _size(examples: input_pipeline.Examples) -> dict[str, int]:
  patients = len(np.unique(examples.patient_id))
  return {'slices': len(examples), 'patients': patients}
