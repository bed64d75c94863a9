# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.phantom.phantom_dataset_builder."""

import collections
import io

import numpy as np
import PIL.Image
import pytest
from sklearn import ensemble
from sklearn import linear_model
from sklearn import pipeline
from sklearn import preprocessing
import tensorflow_datasets as tfds

from input_pipeline.phantom import drawing
from input_pipeline.phantom import phantom_dataset_builder

_SPLITS = ('train', 'val', 'test')
_PATIENTS = {'train': 4, 'val': 2, 'test': 3}


def _build(config, data_dir):
  builder = phantom_dataset_builder.Builder(
    config=config, data_dir=data_dir, file_format='array_record'
  )
  builder.download_and_prepare()
  return builder


@pytest.fixture(scope='module')
def tiny(tmp_path_factory):
  return _build('tiny', tmp_path_factory.mktemp('tiny'))


@pytest.fixture(scope='module')
def examples(tiny):
  """All examples of the tiny config by split, images as PNG bytes."""
  decoders = {'image': tfds.decode.SkipDecoding()}
  return {
    split: list(tiny.as_data_source(split, decoders=decoders))
    for split in _SPLITS
  }


@pytest.fixture(scope='module')
def demo(tmp_path_factory):
  return _build('demo', tmp_path_factory.mktemp('demo'))


def _texts(examples, feature):
  return [example[feature].decode() for example in examples]


def test_features_are_those_of_the_covidx_ct_builder(tiny):
  features = tiny.info.features
  assert set(features) == {
      'image', 'label', 'box', 'slice_id', 'patient_id', 'source'
  }  # fmt: skip
  assert features['image'].shape == (None, None, 1)
  assert features['image'].np_dtype == np.uint8
  assert features['label'].names == ['Normal', 'CP', 'NCP']
  assert features['box'].shape == (4,)
  assert features['box'].np_dtype == np.int32


def test_demo_is_the_default_config():
  assert list(phantom_dataset_builder.Builder.builder_configs) == [
    'demo',
    'tiny',
  ]


def test_each_split_holds_its_patients_and_slices_a_class(examples):
  assert set(examples) == set(_SPLITS)
  for split, patients in _PATIENTS.items():
    slices = collections.Counter(
      (example['label'], example['patient_id'].decode())
      for example in examples[split]
    )
    assert set(slices.values()) == {3}
    classes = collections.Counter(label for label, _ in slices)
    assert classes == {0: patients, 1: patients, 2: patients}


def test_examples_come_in_the_order_of_their_names(examples):
  for split in _SPLITS:
    expected = [
      f'phantom-{split}-{label}-{number:03d}-{index:03d}.png'
      for label in ('Normal', 'CP', 'NCP')
      for number in range(_PATIENTS[split])
      for index in range(3)
    ]
    assert _texts(examples[split], 'slice_id') == expected


def test_slices_are_unique_and_patients_in_one_split(examples):
  slices = [name for s in _SPLITS for name in _texts(examples[s], 'slice_id')]
  assert len(set(slices)) == len(slices) == 81
  patients = [set(_texts(examples[split], 'patient_id')) for split in _SPLITS]
  assert len(set.union(*patients)) == sum(map(len, patients)) == 27
  images = {e['image'] for split in _SPLITS for e in examples[split]}
  assert len(images) == 81


def test_patient_and_label_agree_with_the_name_of_the_slice(examples):
  for split in _SPLITS:
    for example in examples[split]:
      patient = example['patient_id'].decode()
      assert example['slice_id'].decode().rsplit('-', 1)[0] == patient
      assert patient.split('-')[2] == drawing.LABELS[example['label']]
      assert example['source'] == b'phantom'


def test_png_holds_the_pixels_that_were_drawn(examples):
  example = examples['test'][3 * 3 + 4]
  assert example['slice_id'] == b'phantom-test-CP-001-001.png'
  patient = drawing.sample_patient(seed=0, split='test', label='CP', number=1)
  drawn = drawing.draw_slice(patient, 1, size=64)
  png = PIL.Image.open(io.BytesIO(example['image']))
  assert (png.format, png.mode) == ('PNG', 'L')
  np.testing.assert_array_equal(np.asarray(png), drawn.image)
  np.testing.assert_array_equal(example['box'], drawn.box)


def test_a_decoded_source_has_one_channel(tiny, examples):
  decoded = tiny.as_data_source('val')[2]['image']
  assert decoded.shape == (64, 64, 1)
  png = PIL.Image.open(io.BytesIO(examples['val'][2]['image']))
  np.testing.assert_array_equal(decoded[..., 0], np.asarray(png))


@pytest.mark.parametrize(
  ('fields', 'message'),
  [
    ({'slices': 7}, 'slices is 7'),
    ({'slices': 0}, 'slices is 0'),
    ({'patients': {'train': 1, 'validation': 1, 'test': 1}}, 'validation'),
  ],
)
def test_impossible_configs_are_errors(fields, message):
  good = {'name': 'x', 'size': 32, 'patients': _PATIENTS, 'slices': 2}
  phantom_dataset_builder.PhantomConfig(**good)
  with pytest.raises(ValueError, match=message):
    phantom_dataset_builder.PhantomConfig(**{**good, **fields})


def _means(builder, split):
  """Returns `[N, 2]` means of the image and of its box, and `[N]` labels."""
  means, labels = [], []
  for example in builder.as_data_source(split):
    image, (xmin, ymin, xmax, ymax) = example['image'], example['box']
    means.append((image.mean(), image[ymin:ymax, xmin:xmax].mean()))
    labels.append(example['label'])
  return np.array(means), np.array(labels)


@pytest.mark.slow
def test_mean_brightness_does_not_tell_the_classes(demo):
  train, train_labels = _means(demo, 'train')
  test, test_labels = _means(demo, 'test')
  assert (len(train), len(test)) == (1080, 540)
  classifiers = (
    pipeline.make_pipeline(
      preprocessing.StandardScaler(), linear_model.LogisticRegression()
    ),
    ensemble.GradientBoostingClassifier(n_estimators=50, random_state=0),
  )
  for columns in ([0], [1], [0, 1]):
    for classifier in classifiers:
      classifier.fit(train[:, columns], train_labels)
      accuracy = classifier.score(test[:, columns], test_labels)
      # Chance is 1/3; a network that learns shape and texture passes 0.9.
      assert accuracy <= 0.6, (columns, classifier)
