# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A tiny network, and results of scans that no network has seen."""

from collections.abc import Callable
import pathlib

import numpy as np
import pytest

import bit_covid
from bit_covid.inference import detector as detector_lib
from bit_covid.scoring import scan_result
from bit_covid.scoring import verdict as verdict_lib
from input_pipeline import scans

_ACCEPTED = verdict_lib.Verdict('accept', ('Near.',), 9.5)


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory, save_checkpoint) -> pathlib.Path:
  return save_checkpoint(
    tmp_path_factory.mktemp('run'),
    temperature=2.0,
    facts={'data': 'phantom/demo'},
  )


@pytest.fixture(scope='session')
def classifier(checkpoint) -> bit_covid.Classifier:
  return bit_covid.load(str(checkpoint))


@pytest.fixture
def with_detector(classifier, monkeypatch):
  """Gives the classifier a detector with these limits for scans."""

  def add(*limits):
    width = len(classifier.params['head']['kernel'])
    found = detector_lib.Detector(
      np.zeros((1, width)),
      np.eye(width),
      slices=detector_lib.Limits(0.0, 0.0, 0.0),
      scans=detector_lib.Limits(*limits),
      facts={},
    )
    monkeypatch.setattr(classifier, 'detector', found)
    return classifier

  return add


@pytest.fixture
def make_result() -> Callable[..., scan_result.ScanResult]:
  """Makes a result of the classes A and B.

  Its slices are given by the probability of A, by a finding, or by both, and
  keywords give that of the scan by another method.
  """

  def make(
    *slices,
    scan_id='0a',
    source='dicom',
    montage_slices=(),
    verdict=_ACCEPTED,
    certainty=None,
    **by_method,
  ):
    results, used = [], []
    for i, each in enumerate(slices):
      value, finding = each if isinstance(each, tuple) else (each, None)
      if isinstance(value, str):
        value, finding = None, value
      probabilities = None if value is None else np.array([value, 1 - value])
      if finding is None:
        used.append(value)
      results.append(
        scan_result.SliceResult(
          slice_id=f'{scan_id}-{i + 1:04d}',
          name='Doe.dcm',
          position=-5.0 * i,
          finding=finding,
          is_readable=True,
          probabilities=probabilities,
        )
      )
    mean = np.mean(used) if used else None
    return scan_result.ScanResult(
      scan=scans.Scan(
        scan_id,
        'Doe',
        source,
        [scans.Slice('Doe.dcm', -5.0 * i, None) for i in range(len(slices))],
        window=(-600.0, 1500.0),
        spacing=5.0,
      ),
      class_names=('A', 'B'),
      slices=tuple(results),
      scan_probabilities=dict.fromkeys(
        ('mean', 'max', 'top_k', 'vote'), np.array([mean, 1 - mean])
      )
      | {name: np.array([x, 1 - x]) for name, x in by_method.items()}
      if used
      else {},
      verdict=verdict,
      montage_slices=montage_slices,
      seconds={},
      certainty=certainty,
    )

  return make
