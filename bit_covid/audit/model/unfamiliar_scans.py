# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How many scans of the judged split the detector warns of, and of noise.

The limits come from val. If they fit, about 1 % of the patients of test are
above them, and all drawn noise.
"""

import cv2
import numpy as np
import pandas as pd

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import predictions
from bit_covid.analysis import proportion_interval
from bit_covid.audit import finding
from bit_covid.audit.model import results
from bit_covid.audit.model import subject as subject_lib
from bit_covid.inference import detector as detector_lib
from bit_covid.training import fit_detector

# A network is applied to no more slices, and to as many images of noise.
_MOST_SLICES, _NOISE = 1000, 50
# More warnings than this weaken the claim that the limits fit.
_MOST_WARNED = 0.05
# Of the drawn noise, at least this is warned of.
_LEAST_NOISE = 0.95


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the share of scans that the detector warns of."""
  detector = subject.network.detector
  if detector is None:
    return finding.Finding(
      'NOT CHECKED', f'The run has no limits: {subject.network.no_detector}.'
    )
  rows = subject.sample(subject.judged)
  patient = subject.examples.patient_id[rows]
  units = 'patients' if predictions.knows_patients(subject.table) else 'slices'
  rows = rows[fit_detector.choose(patient, _MOST_SLICES)]
  images = [subject.examples.image(int(i)) for i in rows]
  distances = _distances(subject, images)
  patient = subject.examples.patient_id[rows]
  noise = _distances(subject, _noise(subject.seed))
  return _conclude(
    {
      f'{units} of {subject.judged}': detector.judge(distances, patient),
      'images of drawn noise': detector.judge(noise, np.arange(len(noise))),
    }
  )


def _conclude(judged: dict[str, detector_lib.Judged]) -> finding.Finding:
  """Returns the finding on patients, then noise, by what they are."""
  shares = {name: _share(each.is_warned) for name, each in judged.items()}
  rows = [
    {
      'Scans': name,
      'Number': len(each.distance),
      'Caution or refused': results.text(shares[name]),
      'Refused': results.text(_share(each.is_refused)),
      'Median distance': f'{np.median(each.distance):.1f}',
    }
    for name, each in judged.items()
  ]
  (name, warned), (_, noise) = shares.items()
  is_wrong = warned.low > _MOST_WARNED or noise.value < _LEAST_NOISE
  return finding.Finding(
    'WARNING' if is_wrong else 'NOTE',
    f'By the limits from val, {results.text(warned)} of '
    f'{len(judged[name].distance):,} {name} are unlike the training, and '
    f'{results.text(noise)} of images of drawn noise.',
    pd.DataFrame(rows),
    advice='Do not rely on the verdicts of predict and app.'
    if is_wrong
    else '',
  )


def _distances(
  subject: subject_lib.Subject, images: list[np.ndarray]
) -> np.ndarray:
  """Returns the distance of each image, cropped as those of scans."""
  prepared = np.stack([subject.network.prepare(x)[0] for x in images])
  return subject.network.outputs(prepared, with_maps=False).distances


def _share(values: np.ndarray) -> interval_lib.Interval:
  """Returns the share of scans, `[S]` bool, with its interval."""
  ones, stratum = np.ones(len(values)), np.zeros(len(values), np.int64)
  return proportion_interval.interval(values, ones, stratum)


def _noise(seed: int) -> list[np.ndarray]:
  """Returns images of noise of several grains, `[512, 512]` uint8 each."""
  generator = np.random.default_rng(seed)
  sides = 2 ** generator.integers(3, 10, _NOISE)
  return [
    cv2.resize(
      generator.integers(0, 256, (side, side), np.uint8),
      (512, 512),
      interpolation=cv2.INTER_CUBIC,
    )
    for side in sides
  ]
