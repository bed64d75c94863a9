# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""bit_covid.load and what a notebook does with it."""

import subprocess
import sys

import jax
import numpy as np
import pandas as pd
from PIL import Image
import pytest

import bit_covid
from bit_covid.models import resnet_v2
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata
from input_pipeline import body_crop

NAMES = ('Normal', 'CP', 'NCP')


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, random_params):
  path = tmp_path_factory.mktemp('run') / 'model.npz'
  bit_npz.save(
    path,
    random_params('tiny'),
    model='tiny',
    metadata=metadata.Metadata(
      class_names=NAMES,
      preprocessing={
        'box': 'annotated',
        'crop': 32,
        'antialias': False,
        'range_16bit': [0, 65_535],
      },
      window=(-600.0, 1500.0),
    ),
  )
  return path


@pytest.fixture(scope='module')
def classifier(checkpoint):
  return bit_covid.load(str(checkpoint))


@pytest.fixture
def scan(tmp_path):
  """A folder with drawn bodies, a gray PNG and an RGB one among them."""
  generator = np.random.default_rng(0)
  for i in range(3):
    image = np.zeros((96, 96), np.uint8)
    image[20 : 60 + 5 * i, 10 : 80 - 7 * i] = 120
    image[30:50, 30:50] = generator.integers(0, 255, (20, 20), np.uint8)
    picture = Image.fromarray(image)
    if i == 1:
      picture = picture.convert('RGB')
    picture.save(tmp_path / f'{i}.png')
  (tmp_path / 'notes.txt').write_text('not an image')
  return tmp_path


def test_logits_and_features_are_those_of_the_network(
  classifier, random_params
):
  images = np.random.default_rng(0).uniform(-1, 1, (19, 32, 32, 3))
  network = resnet_v2.create('tiny', num_classes=3)
  logits, intermediates = jax.jit(network.apply)(
    {'params': random_params('tiny')}, images.astype(np.float32)
  )
  # 19 images: a full batch and a partial one.
  actual = classifier.logits(images)
  assert actual.dtype == np.float32
  np.testing.assert_allclose(actual, logits, rtol=1e-4, atol=1e-4)
  features = classifier.features(images)
  assert features.shape == (19, 512)
  np.testing.assert_allclose(
    features, intermediates['features'], rtol=1e-4, atol=1e-4
  )


def test_work_directory_and_path_give_the_same(checkpoint, classifier):
  images = np.zeros((1, 32, 32, 1), np.float32)
  by_folder = bit_covid.load(checkpoint.parent)
  assert by_folder.class_names == NAMES
  assert by_folder.window == (-600.0, 1500.0)
  np.testing.assert_array_equal(
    by_folder.logits(images), classifier.logits(images)
  )


def test_predict_crops_to_the_body_and_scores_each_file(classifier, scan):
  # The drawn bodies have no lungs.
  table = classifier.predict(scan, check=False)
  assert table['slice_id'].tolist() == [
    str(scan / f'{i}.png') for i in range(3)
  ]
  assert table['label'].isna().all()
  images = []
  for i in range(3):
    image = np.asarray(Image.open(scan / f'{i}.png').convert('L'))
    xmin, ymin, xmax, ymax = body_crop.body_box(image)
    body = Image.fromarray(image[ymin:ymax, xmin:xmax])
    # Pillow's filter differs where it shrinks; here it tells that the crop is
    # the right one, within what the filters differ.
    images.append(np.asarray(body.resize((32, 32), Image.Resampling.BILINEAR)))
  values = (np.stack(images)[..., None].astype(np.float32) - 127.5) / 127.5
  logits = classifier.logits(values)
  odds = np.exp(logits - logits.max(1, keepdims=True))
  expected = odds / odds.sum(1, keepdims=True)
  actual = table[[f'p_{name}' for name in NAMES]].to_numpy()
  np.testing.assert_allclose(actual.sum(1), 1)
  assert (actual.argmax(1) == expected.argmax(1)).all()


def test_predict_takes_files_and_folders(classifier, scan):
  whole = classifier.predict(scan, check=False)
  parts = classifier.predict([scan / '1.png', str(scan / '0.png')], check=False)
  assert parts['slice_id'].tolist() == [
    str(scan / '1.png'),
    str(scan / '0.png'),
  ]
  pd.testing.assert_series_equal(
    parts.loc[0].drop('label'), whole.loc[1].drop('label'), check_names=False
  )


def test_predict_refuses_what_is_no_image(classifier, scan):
  with pytest.raises(FileNotFoundError, match=r'none\.png is neither'):
    classifier.predict(scan / 'none.png')
  with pytest.raises(ValueError, match=r'notes\.txt: neither PNG, JPEG'):
    classifier.predict([scan / '0.png', scan / 'notes.txt'])
  empty = scan / 'empty'
  empty.mkdir()
  with pytest.raises(FileNotFoundError, match='no PNG, JPEG, DICOM or NIfTI'):
    classifier.predict(empty)


@pytest.mark.parametrize(
  ('images', 'message'),
  [
    (np.zeros((1, 32, 32), np.float32), r'shape \(1, 32, 32\)'),
    (np.zeros((0, 32, 32, 1), np.float32), 'N of 1 or more'),
    (np.zeros((1, 32, 32, 1), np.uint8), r'uint8; expected float'),
    (np.full((1, 32, 32, 1), 255.0), r'values from 255.0 to 255.0'),
    (np.full((1, 32, 32, 1), np.nan), r'values from nan'),
  ],
)
def test_wrong_images_are_refused(classifier, images, message):
  with pytest.raises(ValueError, match=message):
    classifier.logits(images)


def test_load_says_what_is_missing(tmp_path):
  with pytest.raises(FileNotFoundError, match='training has not finished'):
    bit_covid.load(tmp_path)
  with pytest.raises(FileNotFoundError, match='no public name'):
    bit_covid.load('BiT-M-R50')


def test_import_is_light():
  code = (
    'import sys, bit_covid; '
    'assert not {"jax", "tensorflow", "pandas"} & set(sys.modules); '
    'assert bit_covid.Classifier.__name__ == "Classifier"'
  )
  subprocess.run([sys.executable, '-c', code], check=True)
