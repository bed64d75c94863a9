# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""bit_covid.load and what a notebook does with it."""

import subprocess
import sys

import numpy as np
import pandas as pd
from PIL import Image
import pytest
import scipy.special

import bit_covid
from input_pipeline import body_crop

NAMES = ('Normal', 'CP', 'NCP')


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, save_checkpoint):
  return save_checkpoint(tmp_path_factory.mktemp('run'), temperature=2.0)


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


def test_work_directory_and_path_give_the_same(checkpoint, classifier):
  images = np.zeros((1, 32, 32, 1), np.float32)
  by_folder = bit_covid.load(checkpoint.parent)
  assert by_folder.class_names == NAMES
  assert by_folder.window == (-600.0, 1500.0)
  np.testing.assert_array_equal(
    by_folder.logits(images), classifier.logits(images)
  )


def _resize(image, side):
  """Bilinear in float64, with half-pixel centers and without antialiasing."""
  for axis in (0, 1):
    length = image.shape[axis]
    place = (np.arange(side) + 0.5) * length / side - 0.5
    place = np.clip(place, 0, length - 1)
    low = np.floor(place).astype(int)
    high = np.minimum(low + 1, length - 1)
    weight = (place - low).reshape([-1, 1] if axis == 0 else [1, -1])
    image = (
      np.take(image, low, axis) * (1 - weight)
      + np.take(image, high, axis) * weight
    )
  return np.rint(image)


def test_predict_is_crop_resize_network_and_calibrated_softmax(
  classifier, scan, random_params, reference_network
):
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
    images.append(_resize(image[ymin:ymax, xmin:xmax].astype(float), 32))
  logits, _ = reference_network(
    random_params('tiny'), np.stack(images)[..., None] / 127.5 - 1
  )
  actual = table[[f'p_{name}' for name in NAMES]].to_numpy()
  np.testing.assert_allclose(
    actual, scipy.special.softmax(logits / 2.0, axis=1), atol=1e-3
  )


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
