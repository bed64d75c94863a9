# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""bit_covid.load and what a notebook does with it."""

from collections.abc import Mapping
import subprocess
import sys

import jax
import numpy as np
import pandas as pd
from PIL import Image
import pytest
import scipy.special

import bit_covid
from bit_covid.models import resnet_v2
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


def test_preprocess_crops_resizes_and_scales(classifier, scan):
  grays = [
    np.asarray(Image.open(scan / f'{i}.png').convert('L'))[: 96 - i]
    for i in range(2)
  ]
  images = classifier.preprocess(grays)
  assert images.dtype == np.float32
  assert images.shape == (2, 32, 32, 1)
  for gray, image in zip(grays, images, strict=True):
    xmin, ymin, xmax, ymax = body_crop.body_box(gray)
    expected = _resize(gray[ymin:ymax, xmin:xmax].astype(float), 32)
    # One gray value: OpenCV's positions are of another precision.
    np.testing.assert_allclose(
      image[..., 0], expected / 127.5 - 1, atol=1.01 / 127.5
    )
  # The ends of the range, exactly; a speck is no body, so nothing is cropped.
  ends = np.zeros((32, 32), np.uint8)
  ends[5, 7] = 255
  (image,) = classifier.preprocess(ends[None])
  np.testing.assert_array_equal(image[..., 0], np.where(ends, 1, -1))
  assert classifier.logits(images).shape == (2, 3)


@pytest.mark.parametrize(
  ('slices', 'message'),
  [
    ([], 'no slice'),
    (np.zeros((8, 8), np.uint8), r'Slice 0 is \(8,\) uint8'),
    (np.zeros((1, 8, 8), np.float32), r'Slice 0 is \(8, 8\) float32'),
    (
      [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.uint8)],
      r'Slice 1 is \(8, 8, 3\) uint8; expected .*convert',
    ),
    ([np.zeros((0, 8), np.uint8)], r'Slice 0 is \(0, 8\)'),
    ([[[0, 1], [2, 3]]], r'Slice 0 is \(2, 2\) int64'),
  ],
)
def test_preprocess_refuses_what_is_no_gray_slice(classifier, slices, message):
  with pytest.raises(ValueError, match=message):
    classifier.preprocess(slices)


def test_repr_says_what_it_takes_and_knows(classifier):
  assert repr(classifier).splitlines() == [
    'Classifier(',
    f'  model: tiny, {_count(classifier.params):,} parameters, 512 features',
    '  classes: Normal, CP, NCP',
    '  slices: 32 x 32, box annotated',
    '  window: center -600, width 1500 HU',
    '  probabilities: calibrated, temperature 2.00',
    '  trained on: unknown',
    ')',
  ]
  textures = repr(bit_covid.load('Textures-S-tiny'))
  # The first five of twelve.
  assert (
    'bent, bricks-coarse-straight, circles-fine-straight, ... (12 classes)\n'
  ) in textures
  assert '  window: unknown\n' in textures
  assert '  probabilities: not calibrated\n' in textures
  assert '  trained on: textures/s\n' in textures


def _count(params):
  """Counts the numbers of a tree without JAX."""
  if isinstance(params, Mapping):
    return sum(_count(x) for x in params.values())
  return np.asarray(params).size


def test_models_are_listed_by_name():
  names = bit_covid.list_models()
  # Four of ours; three kinds of six sizes and one for CIFAR-10 of BiT's.
  assert len(names) == len(set(names)) == 4 + 3 * 6 + 1
  assert names[:4] == [
    'Textures-M-tiny',
    'Textures-M-tiny-C',
    'Textures-M-tiny-S',
    'Textures-S-tiny',
  ]
  assert bit_covid.list_models('BiT-?-R152x4*') == [
    'BiT-S-R152x4',
    'BiT-M-R152x4',
    'BiT-M-R152x4-ILSVRC2012',
  ]
  assert bit_covid.list_models('R50x1') == []


@pytest.mark.parametrize('dtype', ['float32', 'bfloat16'])
def test_created_model_is_the_network_of_that_name(dtype):
  model = bit_covid.create_model(
    'R50x1', num_classes=3, dtype=dtype, remat=True
  )
  assert (model.num_classes, model.remat) == (3, True)
  # Of `google-research/big_transfer`: R50x1 with 3 classes.
  shapes = resnet_v2.parameter_shapes(model)
  assert resnet_v2.parameter_count(shapes) == 23_506_499
  image = jax.ShapeDtypeStruct((2, 64, 64, 1), np.float32)
  logits, intermediates = jax.eval_shape(model.apply, {'params': shapes}, image)
  assert (logits.shape, logits.dtype) == ((2, 3), np.float32)
  assert intermediates['features'].shape == (2, 2048)
  assert intermediates['feature_map'].shape == (2, 2, 2, 2048)
  assert intermediates['feature_map'].dtype == dtype


def test_a_name_that_is_none_is_an_error():
  with pytest.raises(ValueError, match="no model 'R50'; the known ones"):
    bit_covid.create_model('R50', num_classes=3)
  with pytest.raises(AttributeError, match="no attribute 'lod'"):
    bit_covid.lod  # noqa: B018


def test_module_and_parameters_give_the_logits(classifier):
  images = np.random.default_rng(1).uniform(-1, 1, (2, 32, 32, 1))
  logits, intermediates = jax.jit(classifier.model.apply)(
    {'params': classifier.params}, images.astype(np.float32)
  )
  np.testing.assert_allclose(
    logits, classifier.logits(images), rtol=1e-4, atol=1e-4
  )
  np.testing.assert_allclose(
    intermediates['features'], classifier.features(images), rtol=1e-4, atol=1e-4
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
    'heavy = {"jax", "tensorflow", "pandas", "numpy"}; '
    'assert not heavy & set(sys.modules); '
    'assert bit_covid.Classifier.__name__ == "Classifier"; '
    'bit_covid.load("Textures-M-tiny"); '
    'assert "tensorflow" not in sys.modules'
  )
  subprocess.run([sys.executable, '-c', code], check=True)
