# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Scores of a DICOM series, against the same network in NumPy float64."""

import dataclasses
import threading

import ml_collections
import numpy as np
from PIL import Image
import pytest
import scipy.special

from bit_covid.analysis import similar_patients
from bit_covid.scoring import score
from bit_covid.scoring import verdict
import input_pipeline
from input_pipeline import scans

NAMES = ('Normal', 'CP', 'NCP')
USED = slice(2, 19)


def _score(classifier, path, **options):
  with scans.find(path) as found:
    return score.score(classifier, found.scans[0], **options)


@pytest.fixture(scope='module')
def result(classifier, study):
  return _score(classifier, study, num_shown=4)


@pytest.fixture(scope='module')
def expected(
  study, chest, to_gray, random_params, reference_network, tmp_path_factory
):
  """Probabilities of all slices, prepared as an evaluation prepares them."""
  root = tmp_path_factory.mktemp('gray')
  folder = root / 'test' / 'any'
  folder.mkdir(parents=True)
  for i in range(20):
    gray = to_gray(chest(64, lungs=2 <= i < 19, seed=i))
    Image.fromarray(gray).save(folder / f'{i:02d}.png')
  examples = input_pipeline.load_split(
    ml_collections.ConfigDict({'name': 'image_folder', 'path': str(root)}),
    'test',
  )
  config = ml_collections.ConfigDict(
    {'box': 'automatic', 'crop': 32, 'antialias': False}
  )
  (batch,) = input_pipeline.as_numpy(
    input_pipeline.evaluation_batches(examples, config, batch=20)
  )
  logits, _ = reference_network(
    random_params('tiny'), batch['image'] / 127.5 - 1
  )
  return scipy.special.softmax(logits / 2.0, axis=1)


def test_slices_without_a_finding_are_scored(result, expected):
  for i, each in enumerate(result.slices):
    if 2 <= i < 19:
      assert each.finding is None
      np.testing.assert_allclose(each.probabilities, expected[i], atol=1e-5)
    else:
      assert 'no lungs' in each.finding
      assert each.probabilities is None
    assert each.position == -5.0 * i
  assert result.num_used == 17


def test_the_scan_is_aggregated_over_the_slices_that_count(result, expected):
  used = expected[USED]
  largest = np.sort(used, axis=0)[::-1]
  by_hand = {
    'mean': used.mean(axis=0),
    'max': largest[0] / largest[0].sum(),
    'top_k': largest[:10].mean(axis=0) / largest[:10].mean(axis=0).sum(),
    'vote': np.bincount(used.argmax(axis=1), minlength=3) / len(used),
  }
  assert list(result.scan_probabilities) == list(by_hand)
  for method, values in by_hand.items():
    np.testing.assert_allclose(
      result.scan_probabilities[method], values, atol=1e-5, err_msg=method
    )
  assert result.predicted == NAMES[by_hand['mean'].argmax()]


def test_montage_slices_come_from_all_parts(result, expected, chest, to_gray):
  class_index = NAMES.index(result.predicted)
  assert len(result.montage_slices) == 4
  # 17 slices that count, from the third on, in parts of 5, 4, 4, 4.
  for each, first, last in zip(
    result.montage_slices, (3, 8, 12, 16), (7, 11, 15, 19), strict=True
  ):
    values = expected[first - 1 : last, class_index]
    assert each.number == first + values.argmax()
    np.testing.assert_allclose(
      each.probabilities, expected[each.number - 1], atol=1e-5
    )
    xmin, ymin, xmax, ymax = result.slices[each.number - 1].box
    gray = to_gray(chest(64, seed=each.number - 1))
    np.testing.assert_array_equal(each.gray, gray[ymin:ymax, xmin:xmax])
    assert each.gradcam.shape == (3, *each.gray.shape)


def test_flagged_slices_can_be_scored_and_still_do_not_count(
  classifier, study, expected
):
  result = _score(classifier, study, num_shown=0, score_flagged=True)
  np.testing.assert_allclose(
    [x.probabilities for x in result.slices], expected, atol=1e-5
  )
  assert result.num_used == 17
  np.testing.assert_allclose(
    result.scan_probabilities['mean'], expected[USED].mean(axis=0), atol=1e-5
  )


def test_without_a_montage_no_map_is_computed(classifier, study):
  result = _score(classifier, study, num_shown=0)
  assert result.montage_slices == ()
  assert all(x.maps is None for x in result.slices)


def test_callers_are_told_of_each_slice(classifier, study):
  read, done = [], []
  _score(
    classifier,
    study,
    num_shown=0,
    on_read=lambda checked: read.append(checked.index),
    on_slice=lambda: done.append(len(read)),
  )
  assert sorted(read) == list(range(20))
  assert len(done) == 20


def test_slices_are_read_while_the_network_is_at_work(
  classifier, study, monkeypatch
):
  is_read, outputs = threading.Event(), classifier.outputs

  def wait_and_compute(*args, **kwargs):
    assert is_read.wait(timeout=20)
    return outputs(*args, **kwargs)

  def read_last():
    is_read.set()
    return last.read()

  monkeypatch.setattr(classifier, 'outputs', wait_and_compute)
  with scans.find(study) as found:
    scan = found.scans[0]
    *others, last = scan.slices
    scan = dataclasses.replace(
      scan, slices=[*others, last._replace(read=read_last)]
    )
    # 16 of the 17 slices that count are in the first batch.
    assert score.score(classifier, scan, num_shown=0).num_used == 17


def test_a_choice_takes_the_largest_value_of_each_part():
  assert score.choose(np.array([1, 5, 2, 9.0]), 2) == [1, 3]
  assert score.choose(np.array([1, 5, 2, 9, 3.0]), 2) == [1, 3]
  assert score.choose(np.array([1.0]), 5) == [0]


def test_the_verdict_is_by_the_features_of_the_slices_that_count(
  with_detector, study, chest, to_gray, random_params, reference_network
):
  classifier = with_detector(1.0, 1e6, 2e6)
  # Slices with a finding have a distance, which does not count.
  result = _score(classifier, study, num_shown=0, score_flagged=True)
  prepared = np.stack(
    [classifier.prepare(to_gray(chest(64, seed=i)))[0] for i in range(2, 19)]
  )
  _, features = reference_network(random_params('tiny'), prepared / 127.5 - 1)
  expected = np.linalg.norm(features, axis=1)
  found = [x.distance for x in result.slices[USED]]
  np.testing.assert_allclose(found, expected, rtol=1e-4)
  assert result.verdict.outcome == 'accept'
  assert result.verdict.distance == pytest.approx(np.median(expected), rel=1e-4)


def test_a_scan_is_compared_with_patients_of_val(
  classifier, study, result, monkeypatch
):
  assert 'not known: there is no validation_pat' in result.certainty.text
  scan = result.scan_probabilities['mean']
  numbers = np.linspace(0.34, 1, 100)
  values = np.repeat((1 - numbers)[:, np.newaxis] / 2, 3, axis=1)
  values[:, scan.argmax()] = numbers
  patients = similar_patients.Patients(
    np.full(100, scan.argmax()), values, np.full(100, 9)
  )
  monkeypatch.setattr(classifier, 'patients', patients)
  found = _score(classifier, study, num_shown=0).certainty
  near = numbers[np.abs(numbers - scan.max()) <= 0.1]
  assert (found.similar.count, found.similar.right) == (len(near), len(near))
  assert (found.similar.lowest, found.similar.highest) == (near[0], near[-1])


def test_a_refused_scan_has_no_probability_of_any_slice(with_detector, study):
  classifier = with_detector(0.0, 1e-6, 2e-6)
  result = _score(classifier, study, num_shown=2, score_flagged=True)
  assert (result.verdict.outcome, result.predicted) == ('refused', None)
  assert result.certainty is None
  assert not result.scan_probabilities
  assert not result.montage_slices
  assert result.num_used == 0
  for i, each in enumerate(result.slices):
    assert each.probabilities is None
    assert each.maps is None
    assert (each.finding == verdict.UNFAMILIAR) == (2 <= i < 19)


def test_a_refused_scan_has_probabilities_if_asked_for(
  with_detector, study, result
):
  classifier = with_detector(0.0, 1e-6, 2e-6)
  asked = _score(classifier, study, num_shown=0, allow_unfamiliar=True)
  assert asked.verdict.outcome == 'refused'
  assert 'not known: the scan is too unlike' in asked.certainty.text
  np.testing.assert_array_equal(
    asked.scan_probabilities['mean'].argmax(),
    result.scan_probabilities['mean'].argmax(),
  )
  assert asked.num_used == 17
