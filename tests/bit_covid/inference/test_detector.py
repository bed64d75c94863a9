# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The detector of unlike slices: distances, limits, and its file."""

from etils import epath
import numpy as np
import pytest
from scipy.spatial import distance

from bit_covid.base import checksums
from bit_covid.base import files
from bit_covid.inference import detector as detector_lib
from bit_covid.inference import network as network_lib

SLICES = detector_lib.Limits(2.0, 10.0, 18.0)
SCANS = detector_lib.Limits(2.0, 4.0, 6.0)


@pytest.fixture
def detector():
  generator = np.random.default_rng(0)
  return detector_lib.Detector(
    means=generator.normal(size=(3, 4)).astype(np.float32),
    whitening=generator.normal(size=(4, 4)).astype(np.float32),
    slices=SLICES,
    scans=SCANS,
    facts={'checkpoint': '0a', 'box': 'automatic'},
  )


def test_distances_are_those_of_scipy_to_the_nearest_mean(detector):
  features = np.random.default_rng(1).normal(size=(7, 4)).astype(np.float32)
  whitening = detector.whitening.astype(np.float64)
  expected = [
    min(
      distance.mahalanobis(
        np.float64(x), np.float64(mean), whitening @ whitening.T
      )
      for mean in detector.means
    )
    for x in features
  ]
  found = detector.distances(features)
  assert found.dtype == np.float64
  np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_few_slices_are_judged_as_slices_and_more_by_their_median(detector):
  scans = [[5.0] * 4, [11.0], [1.0, 5.0, 5.0, 5.0, 11.0], [11.0] * 3, [7.0] * 6]
  distances = np.concatenate(scans)
  scan_id = np.repeat(list('abcde'), list(map(len, scans)))
  judged = detector.judge(distances, scan_id)
  assert judged.distance.tolist() == [5, 11, 5, 11, 7]
  assert judged.is_warned.tolist() == [False, True, True, True, True]
  assert judged.is_refused.tolist() == [False, False, False, False, True]


def test_a_detector_is_found_as_it_was_written(detector, tmp_path):
  path = tmp_path / 'model.npz'
  path.write_bytes(b'network')
  facts = detector.facts | {'checkpoint': checksums.of_file(epath.Path(path))}
  written = detector_lib.Detector(
    detector.means, detector.whitening, SLICES, SCANS, facts
  )
  detector_lib.write(epath.Path(tmp_path), written)
  first = (tmp_path / detector_lib.FILE_NAME).read_bytes()
  found, reason = detector_lib.find(path, num_features=4)
  assert reason == ''
  assert (found.slices, found.scans, found.facts) == (SLICES, SCANS, facts)
  np.testing.assert_array_equal(found.means, written.means)
  np.testing.assert_array_equal(found.whitening, written.whitening)
  detector_lib.write(epath.Path(tmp_path), found)
  assert (tmp_path / detector_lib.FILE_NAME).read_bytes() == first


def test_a_network_without_a_detector_says_why(tmp_path, save_checkpoint):
  path = save_checkpoint(tmp_path)
  network = network_lib.Network.load(path)
  assert network.detector is None
  assert network.no_detector.startswith('there is no out_of_distribution.npz')
  assert 'bit-covid out-of-distribution RUN' in network.no_detector


def test_the_detector_of_another_network_is_not_taken(
  detector, tmp_path, save_checkpoint
):
  path = save_checkpoint(tmp_path)
  width = len(network_lib.Network.load(path).params['head']['kernel'])
  other = detector_lib.Detector(
    *(np.zeros((3, width)), np.eye(width), SLICES, SCANS, detector.facts)
  )
  detector_lib.write(epath.Path(tmp_path), other)
  network = network_lib.Network.load(path)
  assert network.detector is None
  assert 'was made for another network' in network.no_detector


@pytest.mark.parametrize(
  ('changes', 'message'),
  [
    ({'whitening': np.zeros((4, 3), np.float32)}, 'expected means'),
    ({'more': np.zeros(1, np.float32)}, 'expected means'),
    ({'means': np.full((3, 4), np.nan, np.float32)}, 'NaN or infinite'),
    ({'facts': np.frombuffer(b'{"slices": 1', np.uint8)}, 'facts are damaged'),
    ({'facts': np.frombuffer(b'{"slices": []}', np.uint8)}, 'are damaged'),
  ],
)
def test_a_damaged_detector_is_an_error(detector, tmp_path, changes, message):
  path = tmp_path / detector_lib.FILE_NAME
  detector_lib.write(epath.Path(tmp_path), detector)
  with np.load(path) as arrays:
    changed = dict(arrays) | changes
  files.write_npz(epath.Path(path), changed)
  with pytest.raises(ValueError, match=message):
    detector_lib.find(tmp_path / 'model.npz', num_features=4)


def test_a_detector_whose_bytes_changed_is_an_error(detector, tmp_path):
  detector_lib.write(epath.Path(tmp_path), detector)
  path = tmp_path / detector_lib.FILE_NAME
  content = bytearray(path.read_bytes())
  content[200] ^= 1
  path.write_bytes(content)
  with pytest.raises(ValueError, match='damaged'):
    detector_lib.find(tmp_path / 'model.npz', num_features=4)
