# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.examples."""

import dataclasses
import hashlib

import numpy as np
import pytest

from input_pipeline import examples as examples_lib
from input_pipeline import preprocess


def test_length_is_the_number_of_slices(make_examples, noise):
  assert len(make_examples([noise(3, 4)] * 5)) == 5


def test_equal_tables_have_equal_fingerprints(make_examples, noise):
  first = make_examples([noise(3, 4), noise(3, 4, seed=1)])
  second = make_examples([noise(3, 4), noise(3, 4, seed=1)])
  assert first.fingerprint == second.fingerprint
  assert len(first.fingerprint) == 16


def test_the_fingerprint_is_a_digest_of_the_columns_as_text():
  # Runs store it, so that it has to stay as it is.
  examples = examples_lib.Examples(
    class_names=('Normal', 'CP'),
    slice_id=np.array(['a', 'b']),
    patient_id=np.array(['p', 'q']),
    source=np.array(['s', 't']),
    label=np.array([1, 0], np.int32),
    box=np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.int32),
    digest=np.array(['d', 'e']),
    read=lambda i: b'',
  )
  text = (
    'Normal\nCP'
    'slice_ida\nb'
    'patient_idp\nq'
    'sources\nt'
    'label1\n0'
    'box1\n2\n3\n4\n5\n6\n7\n8'
    'digestd\ne'
  )
  expected = hashlib.sha256(text.encode()).hexdigest()[:16]
  assert examples.fingerprint == expected


@pytest.mark.parametrize(
  ('column', 'place', 'value'),
  [
    ('slice_id', 1, 'other.png'),
    ('patient_id', 1, 'other'),
    ('source', 1, 'away'),
    ('label', 1, 2),
    ('label', 0, -1),
    ('box', (1, 3), 4),
    ('box', (0, 0), 1),
    ('digest', 1, 'other'),
  ],
)
def test_a_change_of_any_value_changes_the_fingerprint(
  make_examples, noise, column, place, value
):
  examples = make_examples([noise(3, 4)] * 2, box=[[0, 0, 4, 3]] * 2)
  changed = getattr(examples, column).copy().astype(object)
  changed[place] = value
  other = dataclasses.replace(examples, **{column: changed})
  assert other.fingerprint != examples.fingerprint


def test_order_and_class_names_change_the_fingerprint(make_examples, noise):
  examples = make_examples([noise(3, 4)] * 2)
  columns = ('slice_id', 'patient_id', 'source', 'label', 'box', 'digest')
  swapped = dataclasses.replace(
    examples, **{name: getattr(examples, name)[::-1] for name in columns}
  )
  renamed = dataclasses.replace(examples, class_names=('CP', 'Normal', 'NCP'))
  prints = {e.fingerprint for e in (examples, swapped, renamed)}
  assert len(prints) == 3


def test_digest_depends_on_every_byte():
  whole = bytes(range(10))
  changed = [whole[:i] + b'\xff' + whole[i + 1 :] for i in range(10)]
  digests = {examples_lib.digest(encoded) for encoded in (whole, *changed)}
  assert len(digests) == 11
  assert examples_lib.digest(b'abc') == hashlib.sha256(b'abc').hexdigest()[:16]


_LABEL = np.array([2, 0, 0, 1, 2, 0, 1, 1, 0, 2, 0, 0] * 5, np.int32)


def _draw(label, *, patient_id=None, per_class, by='slice', seed=0):
  """Draws from a split with those labels, a patient a slice if not said."""
  label = np.asarray(label, np.int32)
  slice_id = np.arange(len(label)).astype(str)
  examples = examples_lib.Examples(
    class_names=('Normal', 'CP', 'NCP'),
    slice_id=slice_id,
    patient_id=slice_id if patient_id is None else np.asarray(patient_id),
    source=slice_id,
    label=label,
    box=np.zeros((len(label), 4), np.int32),
    digest=slice_id,
    read=lambda i: slice_id[i].encode(),
  )
  return examples_lib.few_shot_indices(
    examples, per_class=per_class, by=by, seed=seed
  )


@pytest.mark.parametrize('per_class', [1, 7, 15])
def test_few_shot_draws_as_many_slices_of_each_class(per_class):
  chosen = _draw(_LABEL, per_class=per_class, seed=0)
  assert np.bincount(_LABEL[chosen]).tolist() == [per_class] * 3
  assert (np.diff(chosen) > 0).all()


def test_few_shot_is_a_function_of_the_seed():
  def draw(seed):
    return tuple(_draw(_LABEL, per_class=5, seed=seed).tolist())

  assert draw(3) == draw(3)
  assert len({draw(seed) for seed in range(20)}) == 20


def test_few_shot_reaches_every_slice():
  drawn = [_draw(_LABEL, per_class=3, seed=seed) for seed in range(200)]
  # Expected: 200 * 3 / 30 = 20 times for class 0, 40 for the others. The bound
  # is five standard deviations.
  counts = np.bincount(np.concatenate(drawn), minlength=len(_LABEL))
  expected = np.where(_LABEL == 0, 20, 40)
  assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_few_shot_with_too_few_slices_names_both_numbers():
  with pytest.raises(
    ValueError, match='per_class=16, but class 1 has 15 slices'
  ):
    _draw(_LABEL, per_class=16, seed=0)


def test_more_slices_of_one_class_leave_the_draw_of_the_others():
  more = np.concatenate([_LABEL, np.full(40, 0, np.int32)])
  few = _draw(_LABEL, per_class=5, seed=0)
  of_more = _draw(more, per_class=5, seed=0)
  for value in (1, 2):
    np.testing.assert_array_equal(
      few[_LABEL[few] == value], of_more[more[of_more] == value]
    )


def test_classes_of_equal_size_are_drawn_independently():
  label = np.repeat([0, 1], 50)
  chosen = _draw(label, per_class=10, seed=0)
  assert set(chosen[label[chosen] == 0]) != set(chosen[label[chosen] == 1] - 50)


# Patients 'a' to 'f' with 1 to 6 slices each, in each of two classes.
_SIZES = np.repeat(np.arange(6), np.arange(1, 7))
_PATIENTS = np.char.add(
  np.repeat(['x', 'y'], 21), np.tile(_SIZES, 2).astype(str)
)
_TWO_CLASSES = np.repeat([0, 1], 21)


@pytest.mark.parametrize('seed', range(20))
def test_by_patient_all_patients_but_the_last_are_whole(seed):
  chosen = _draw(
    _TWO_CLASSES, patient_id=_PATIENTS, per_class=8, by='patient', seed=seed
  )
  assert np.bincount(_TWO_CLASSES[chosen]).tolist() == [8, 8]
  for value in (0, 1):
    patients = _PATIENTS[chosen[_TWO_CLASSES[chosen] == value]]
    parts = [
      np.sum(patients == name) < np.sum(name == _PATIENTS)
      for name in np.unique(patients)
    ]
    assert sum(parts) <= 1


def test_by_patient_every_patient_is_as_likely_whatever_its_slices():
  # The first slice that is drawn tells the first patient.
  first = [
    _draw(
      _TWO_CLASSES, patient_id=_PATIENTS, per_class=1, by='patient', seed=seed
    )[0]
    for seed in range(1200)
  ]
  counts = np.bincount(_SIZES[first], minlength=6)
  # 200 each, within five standard deviations.
  deviation = np.sqrt(1200 * (1 / 6) * (5 / 6))
  assert (np.abs(counts - 200) < 5 * deviation).all()


def test_by_slice_more_patients_are_met_than_by_patient():
  met = {
    by: np.mean(
      [
        len(
          np.unique(
            _PATIENTS[
              _draw(
                _TWO_CLASSES,
                patient_id=_PATIENTS,
                per_class=6,
                by=by,
                seed=seed,
              )
            ]
          )
        )
        for seed in range(50)
      ]
    )
    for by in ('slice', 'patient')
  }
  assert met['slice'] > met['patient'] + 2


def test_take_keeps_rows_and_images_together():
  examples = examples_lib.Examples(
    class_names=('Normal', 'CP'),
    slice_id=np.array(['a', 'b', 'c']),
    patient_id=np.array(['p', 'q', 'r']),
    source=np.array(['s', 's', 't']),
    label=np.array([0, 1, 0], np.int32),
    box=np.arange(12, dtype=np.int32).reshape(3, 4),
    digest=np.array(['d', 'e', 'f']),
    read=lambda i: b'xyz'[i : i + 1],
    window=(-600.0, 1500.0),
  )
  taken = examples.take([2, 0])
  assert len(taken) == 2
  assert taken.slice_id.tolist() == ['c', 'a']
  assert taken.box.tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
  assert [taken.read(i) for i in range(2)] == [b'z', b'x']
  assert taken.window == (-600.0, 1500.0)


def test_an_image_is_decoded(make_examples, noise):
  image = make_examples([noise(5, 6), noise(7, 8)]).image(1)
  np.testing.assert_array_equal(image, noise(7, 8))


def test_an_image_that_cannot_be_decoded_is_an_error_that_names_the_slice(
  make_examples, noise
):
  whole = make_examples([noise(5, 6)] * 2)
  spoilt = dataclasses.replace(whole, read=lambda i: whole.read(i)[:-30])
  with pytest.raises(ValueError, match=r"'slice1\.png': .* no whole PNG"):
    spoilt.image(1)


def test_a_prepared_image_is_its_gray_values(make_examples, noise):
  image = noise(4, 4)
  preparation = preprocess.Preprocessing(
    box='annotated', resize=4, crop=4, antialias=False
  )
  prepared = dataclasses.replace(
    make_examples([image]),
    read=lambda i: image.tobytes(),
    preparation=preparation,
  )
  np.testing.assert_array_equal(prepared.image(0), image)
  short = dataclasses.replace(prepared, read=lambda i: image.tobytes()[1:])
  with pytest.raises(ValueError, match=r'slice0\.png'):
    short.image(0)


def test_splits_become_one_in_order(make_examples, noise):
  images = [noise(3, 4, seed=i) for i in range(5)]
  whole = make_examples(images)
  parts = [whole.take([0, 1]), whole.take([2, 3, 4])]
  joined = examples_lib.join(parts)
  assert joined.fingerprint == whole.fingerprint
  for i, image in enumerate(images):
    np.testing.assert_array_equal(joined.image(i), image)


def test_splits_of_several_sizes_cannot_become_one(make_examples, noise):
  first, second = (
    dataclasses.replace(
      make_examples([noise(3, 4)]),
      preparation=preprocess.Preprocessing('none', size, size, False),
    )
    for size in (4, 8)
  )
  with pytest.raises(ValueError, match='stored in several sizes'):
    examples_lib.join([first, second])
