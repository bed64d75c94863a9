# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks without labels: what is changed, and which classes there are."""

import cv2
import numpy as np
import pytest

from configs import pretrain_slices
import input_pipeline
from input_pipeline import examples as examples_lib
from input_pipeline import preprocess
from input_pipeline import pretext


@pytest.fixture(scope='module')
def examples():
  """Three slices with boxes, of two patients."""
  generator = np.random.default_rng(0)
  images = generator.integers(0, 256, (3, 40, 48), np.uint8)
  encoded = [cv2.imencode('.png', x)[1].tobytes() for x in images]
  return images, examples_lib.Examples(
    class_names=('Normal', 'CP', 'NCP'),
    slice_id=np.array(['a_1.png', 'a_2.png', 'b_1.png']),
    patient_id=np.array(['a', 'a', 'b']),
    source=np.array(['here'] * 3),
    label=np.array([0, 0, 2], np.int32),
    box=np.full((3, 4), 7, np.int32),
    digest=np.array([examples_lib.digest(x) for x in encoded]),
    read=encoded.__getitem__,
  )


def _image(examples, name, slice_index):
  (kind,) = [i for i, x in enumerate(examples.class_names) if x == name]
  index = len(examples.class_names) * slice_index + kind
  assert examples.label[index] == kind
  return examples.image(index)


def test_the_labels_of_a_data_set_are_the_default(examples):
  assert pretext.restate(examples[1], pretext.CLASSES) is examples[1]


def test_each_slice_is_a_class(examples):
  images, split = examples
  restated = pretext.restate(split, pretext.INSTANCES)
  assert restated.label.tolist() == [0, 1, 2]
  assert restated.label.dtype == np.int32
  # They go into the checkpoint, which must not name files or patients.
  assert restated.class_names == ('0', '1', '2')
  np.testing.assert_array_equal(restated.image(2), images[2])


def test_each_slice_is_changed_in_twelve_ways(examples):
  images, split = examples
  restated = pretext.restate(split, pretext.CHANGES)
  assert len(restated) == 36
  assert len(set(restated.class_names)) == 12
  assert len(set(restated.slice_id)) == len(set(restated.digest)) == 36
  assert restated.patient_id.tolist() == ['a'] * 24 + ['b'] * 12
  assert restated.label.dtype == np.int32
  assert not restated.box.any()
  for name, change in {
    'as it was, clear, upright': lambda x: x,
    'as it was, clear, upside down': np.flipud,
    'narrow, clear, upright': lambda x: 1.6 * x - 76.5,
    'wide, clear, upside down': lambda x: np.flipud(0.6 * x + 51),
  }.items():
    expected = np.clip(np.rint(change(images[1].astype(np.float64))), 0, 255)
    actual = _image(restated, name, 1)
    # Halves may be rounded either way.
    np.testing.assert_allclose(actual, expected, atol=1, err_msg=name)


def test_noise_is_new_for_each_slice_and_the_same_at_each_reading(examples):
  restated = pretext.restate(examples[1], pretext.CHANGES)
  clear, noisy = 'wide, clear, upright', 'wide, noisy, upright'
  differences = [
    _image(restated, noisy, i).astype(int) - _image(restated, clear, i)
    for i in (0, 1)
  ]
  for each in differences:
    assert abs(each.mean()) < 1
    assert abs(each.std() - 12) < 1
  correlation = np.corrcoef(differences[0].ravel(), differences[1].ravel())
  assert abs(correlation[0, 1]) < 0.1
  np.testing.assert_array_equal(
    _image(restated, noisy, 0), _image(restated, noisy, 0)
  )


@pytest.mark.parametrize(('task', 'count'), [('changes', 12), ('instances', 1)])
def test_a_config_names_the_task(tfds_dir, task, count):
  config = pretrain_slices.get_config(f'task={task}').data
  config.name, config.data_dir = 'phantom/tiny', tfds_dir
  train = input_pipeline.load_split(config, 'train')
  config.task = 'classes'
  assert len(train) == count * len(input_pipeline.load_split(config, 'train'))
  assert preprocess.decode(train.read(0)).shape == (64, 64)


@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    ({'task': 'colours'}, 'expected one of classes, instances, changes'),
    ({'box': 'annotated'}, r"have no boxes\. Set it to 'none'"),
  ],
)
def test_what_cannot_be_is_refused(fields, message):
  config = pretrain_slices.get_config().data
  config.update(fields)
  with pytest.raises(ValueError, match=message):
    input_pipeline.load_split(config, 'train')
