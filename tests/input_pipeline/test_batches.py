# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.batches."""

import collections
import dataclasses
import hashlib
import os
import pathlib
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import tensorflow as tf

import input_pipeline
from input_pipeline import batches
from input_pipeline import threads

# Every pixel of it has another value: row * 16 + column.
_CODED = np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.fixture(scope='module')
def seven(make_examples, noise):
  """Seven images of 16 x 16 pixels, which need no resizing."""
  return make_examples([noise(16, 16, seed=seed) for seed in range(7)])


@pytest.fixture(params=[1, 2, 7])
def num_threads(request, monkeypatch):
  monkeypatch.setattr(threads, 'num_threads', lambda: request.param)
  return request.param


def _train(examples, config, first_step=0, end_step=6, **kwargs):
  kwargs = {'batch': 4, 'seed': 0} | kwargs
  return list(
    batches.as_numpy(
      batches.train_batches(
        examples, config, first_step=first_step, end_step=end_step, **kwargs
      )
    )
  )


def _evaluation(examples, config, **kwargs):
  return list(
    batches.as_numpy(batches.evaluation_batches(examples, config, **kwargs))
  )


def _assert_equal(batches_a, batches_b):
  assert len(batches_a) == len(batches_b)
  for a, b in zip(batches_a, batches_b, strict=True):
    assert set(a) == set(b)
    for key in a:
      np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def _assert_documented(batch, count, size):
  assert set(batch) == {'image', 'label', 'mask', 'index'}
  assert (batch['image'].shape, batch['image'].dtype) == (
    (count, size, size, 1),
    np.uint8,
  )
  for key, dtype in (('label', np.int32), ('mask', bool), ('index', np.int64)):
    assert (batch[key].shape, batch[key].dtype) == ((count,), dtype), key


def _recover(image):
  """Returns top, left and whether flipped, of a part of `_CODED`."""
  crop = image[..., 0].astype(int)
  flipped = bool(crop[0, 0] > crop[0, 1])
  crop = crop[:, ::-1] if flipped else crop
  top, left = divmod(int(crop[0, 0]), 16)
  height, width = crop.shape
  np.testing.assert_array_equal(
    crop, _CODED[top : top + height, left : left + width]
  )
  return top, left, flipped


def test_training_batches_are_as_documented(seven, data_config):
  result = _train(seven, data_config(crop=13), end_step=3, batch=5)
  assert len(result) == 3
  for batch in result:
    _assert_documented(batch, 5, 13)
    assert batch['mask'].all()


def test_training_images_and_labels_are_those_of_their_index(
  seven, data_config, noise
):
  for batch in _train(seven, data_config()):
    for image, label, index in zip(
      batch['image'], batch['label'], batch['index'], strict=True
    ):
      assert label == index % 3
      original = noise(16, 16, seed=int(index))
      assert any(
        np.array_equal(image[..., 0], candidate)
        for candidate in (original, original[:, ::-1])
      )


def test_an_epoch_has_each_example_once(seven, data_config):
  result = _train(seven, data_config(), end_step=7)
  stream = np.concatenate([batch['index'] for batch in result])
  epochs = stream.reshape(4, 7)
  assert (np.sort(epochs, axis=1) == np.arange(7)).all()
  assert len({tuple(epoch) for epoch in epochs}) > 1


def test_training_is_a_function_of_the_seed(seven, data_config):
  config = data_config(crop=13)
  result = _train(seven, config, seed=1)
  _assert_equal(result, _train(seven, config, seed=1))
  other = _train(seven, config, seed=2)
  for key in ('index', 'image'):
    assert not all(
      np.array_equal(a[key], b[key]) for a, b in zip(result, other, strict=True)
    )


@pytest.mark.parametrize('step', [1, 2, 5, 6])
def test_resuming_at_a_step_goes_on_as_if_never_stopped(
  seven, data_config, step
):
  config = data_config(crop=13)
  whole = _train(seven, config)
  _assert_equal(_train(seven, config, first_step=step), whole[step:])


def test_a_late_step_comes_at_once(seven, data_config):
  far = 10**12
  (batch,) = _train(seven, data_config(), far, far + 1)
  _assert_documented(batch, 4, 16)


@pytest.mark.parametrize('num_hosts', [2, 4])
def test_the_hosts_share_the_batches_of_one(seven, data_config, num_hosts):
  config = data_config(crop=13)
  hosts = [
    _train(seven, config, host=host, num_hosts=num_hosts)
    for host in range(num_hosts)
  ]
  together = [
    {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    for parts in zip(*hosts, strict=True)
  ]
  _assert_equal(together, _train(seven, config))
  _assert_documented(hosts[0][0], 4 // num_hosts, 13)


def test_few_shot_has_each_example_of_the_subset_once_an_epoch(
  make_examples, noise, data_config
):
  label = [0] * 9 + [1] * 5 + [2] * 3
  examples = make_examples(
    [noise(16, 16, seed=seed) for seed in range(17)], label=label
  )
  config = data_config(per_class=2)
  result = _train(examples, config, end_step=12, batch=2, seed=5)
  epochs = np.concatenate([b['index'] for b in result]).reshape(4, 6)
  subset = sorted(epochs[0])
  assert np.bincount(np.array(label)[subset]).tolist() == [2, 2, 2]
  assert (np.sort(epochs, axis=1) == subset).all()
  for batch in result:
    np.testing.assert_array_equal(
      batch['label'], np.array(label)[batch['index']]
    )


def test_crops_and_flips_are_random_and_change_with_the_epoch(
  make_examples, data_config
):
  examples = make_examples([_CODED] * 3)
  result = _train(examples, data_config(crop=13), end_step=20, batch=30, seed=3)
  seen = collections.defaultdict(list)
  for batch in result:
    for image, index in zip(batch['image'], batch['index'], strict=True):
      seen[int(index)].append(_recover(image))
  assert sorted(seen) == [0, 1, 2]
  for draws in seen.values():
    # 200 epochs: each of 16 crops, half of them flipped, within five standard
    # deviations. BiT's own pipeline flips always.
    assert len(draws) == 200
    assert {draw[:2] for draw in draws} == {
      (y, x) for y in range(4) for x in range(4)
    }
    assert abs(sum(draw[2] for draw in draws) - 100) < 5 * np.sqrt(200) / 2
  # Nor do the examples of an epoch get the same.
  assert len({tuple(draws) for draws in seen.values()}) == 3


@pytest.mark.parametrize(
  ('batch', 'num_hosts'), [(1, 1), (4, 1), (8, 1), (4, 2), (8, 2)]
)
@pytest.mark.parametrize('count', [1, 5, 8, 13])
def test_evaluation_has_every_slice_once_and_in_order(
  make_examples, noise, data_config, count, batch, num_hosts
):
  images = [noise(16, 16, seed=seed) for seed in range(count)]
  hosts = [
    _evaluation(
      make_examples(images),
      data_config(),
      batch=batch,
      host=host,
      num_hosts=num_hosts,
    )
    for host in range(num_hosts)
  ]
  steps = int(np.ceil(count / batch))
  assert [len(host) for host in hosts] == [steps] * num_hosts
  found = []
  for part in (part for parts in zip(*hosts, strict=True) for part in parts):
    _assert_documented(part, batch // num_hosts, 16)
    for i, counts in enumerate(part['mask']):
      if counts:
        index = int(part['index'][i])
        found.append(index)
        np.testing.assert_array_equal(part['image'][i, ..., 0], images[index])
        assert part['label'][i] == index % 3
  assert found == list(range(count))


def test_evaluation_takes_no_subset_and_does_not_augment(
  make_examples, data_config
):
  config = data_config(per_class=1, resize=99)
  (batch,) = _evaluation(make_examples([_CODED] * 6), config, batch=6)
  assert (batch['image'] == _CODED[..., None]).all()


def test_annotated_boxes_are_cropped_to(make_examples, data_config):
  big = np.zeros((40, 50), np.uint8)
  big[7:23, 30:46] = _CODED
  box = [[30, 7, 46, 23], [0, 0, 50, 40]]
  examples = make_examples([big, big], box=box)
  config = data_config(box='annotated')
  (batch,) = _evaluation(examples, config, batch=2)
  np.testing.assert_array_equal(batch['image'][0, ..., 0], _CODED)
  assert not np.array_equal(batch['image'][1, ..., 0], _CODED)
  (batch,) = _train(examples, config, end_step=1, batch=2)
  at = int(np.flatnonzero(batch['index'] == 0)[0])
  assert _recover(batch['image'][at])[:2] == (0, 0)


def test_automatic_boxes_are_those_of_the_body(make_examples, data_config):
  image = np.zeros((60, 70), np.uint8)
  image[20:42, 30:52] = 200
  image[30:33, 40:43] = np.arange(9).reshape(3, 3)
  # A wrong box, which must not be used.
  examples = make_examples([image], box=[[0, 0, 3, 3]])
  (batch,) = _evaluation(examples, data_config(box='automatic'), batch=1)
  # The body less 3 pixels a side (test_body_crop), which needs no resizing.
  np.testing.assert_array_equal(batch['image'][0, ..., 0], image[23:39, 33:49])


def _datasets(examples, config, **kwargs):
  """Either kind of batches, which share their checks."""
  return (
    lambda: batches.train_batches(
      examples, config, seed=0, end_step=1, **kwargs
    ),
    lambda: batches.evaluation_batches(examples, config, **kwargs),
  )


def test_missing_boxes_are_an_error_with_number_example_and_remedy(
  make_examples, noise, data_config
):
  box = [[0, 0, 9, 9], [0, 0, 0, 0], [0, 0, 9, 9], [0, 0, 0, 0]]
  examples = make_examples([noise(16, 16)] * 4, box=box)
  for make in _datasets(examples, data_config(box='annotated'), batch=2):
    with pytest.raises(ValueError, match='2 of 4 slices') as error:
      make()
    assert "'slice1.png'" in str(error.value)
    assert "'automatic'" in str(error.value)
    assert "'none'" in str(error.value)


def test_a_batch_that_does_not_divide_by_the_hosts_is_an_error(
  seven, data_config
):
  for make in _datasets(seven, data_config(), batch=9, num_hosts=2):
    with pytest.raises(ValueError, match=r'batch of 9 .* by 2 hosts'):
      make()


def test_an_unknown_kind_of_box_is_an_error(seven, data_config):
  for make in _datasets(seven, data_config(box='tight'), batch=2):
    with pytest.raises(ValueError, match="box is 'tight'; expected one of"):
      make()


def test_a_crop_larger_than_the_image_is_an_error(seven, data_config):
  config = data_config(resize=15, crop=16)
  with pytest.raises(ValueError, match=r'resize=15 .* config.data.crop=16'):
    _train(seven, config)


def test_too_few_slices_of_a_class_are_an_error(seven, data_config):
  with pytest.raises(ValueError, match='class 1 has 2 slices'):
    _train(seven, data_config(per_class=3))


# SHA-256 of the batches that the loader before this one made of the slices of
# `boxed`: it drew positions and crops in the same way, but loaded images in a
# thread pool of its own (commit a4af244). Boxes are twice as large as what they
# are resized to, so that no pixel depends on how a processor rounds.
_DIGESTS = {
  'train': ({}, '13e7709b839f54de'),
  'another seed': ({'seed': 7}, '963533495727a5a3'),
  'no crop': ({'crop': 16}, 'f00632c4a8d6a8ee'),
  'a late step': ({'first_step': 10**12}, 'de9f601255654aca'),
  'host 0 of 2': ({'host': 0, 'num_hosts': 2}, '8bd9667c1dcb22dd'),
  'host 1 of 2': ({'host': 1, 'num_hosts': 2}, 'd0a79d7bf77a8184'),
  'host 3 of 4': ({'host': 3, 'num_hosts': 4}, '23ebfed55bb89668'),
  'a large batch': ({'batch': 12}, '91b1d82d8e1c8886'),
  'few slices': ({'per_class': 2}, '54df0a68d4f522e0'),
  'few patients': (
    {'per_class': 2, 'per_class_by': 'patient', 'seed': 3},
    'c73a0b64acdbf84a',
  ),
}
_EVALUATION_DIGESTS = [
  ({'batch': 4}, '94441fef75239d4c'),
  ({'batch': 8, 'host': 1, 'num_hosts': 2}, 'ab3bd0c260190e42'),
  ({'batch': 1}, '936d51e88eec61b1'),
  ({'batch': 32}, '7d0320e084236280'),
]


@pytest.fixture(scope='module')
def boxed(make_examples, noise):
  """Eleven slices of 40 x 38 pixels, each with a box of 32 x 32."""
  return make_examples(
    [noise(38, 40, seed=seed) for seed in range(11)],
    box=[[i % 8, i % 6, i % 8 + 32, i % 6 + 32] for i in range(11)],
  )


def _digest(result):
  digest = hashlib.sha256()
  for batch in result:
    for key in ('image', 'label', 'mask', 'index'):
      digest.update(f'{key} {batch[key].shape} {batch[key].dtype}'.encode())
      digest.update(batch[key].tobytes())
  return digest.hexdigest()[:16]


@pytest.mark.parametrize(('change', 'digest'), _DIGESTS.values(), ids=_DIGESTS)
def test_training_batches_stay_as_they_were(boxed, data_config, change, digest):
  fields = {'box': 'annotated', 'crop': 13}
  change = dict(change)
  for name in ('crop', 'per_class', 'per_class_by'):
    if name in change:
      fields[name] = change.pop(name)
  first_step = change.setdefault('first_step', 0)
  result = _train(
    boxed, data_config(**fields), end_step=first_step + 5, **change
  )
  assert _digest(result) == digest


@pytest.mark.parametrize(('kwargs', 'digest'), _EVALUATION_DIGESTS)
def test_evaluation_batches_stay_as_they_were(
  boxed, data_config, kwargs, digest
):
  config = data_config(box='annotated', resize=99, crop=16)
  assert _digest(_evaluation(boxed, config, **kwargs)) == digest


@pytest.mark.parametrize('batch', [3, 20])
def test_batches_do_not_depend_on_the_number_of_threads(
  boxed, data_config, monkeypatch, batch
):
  config = data_config(box='annotated', crop=13, antialias=True)
  results = []
  for count in (1, 2, 7, 100):
    monkeypatch.setattr(threads, 'num_threads', lambda n=count: n)
    results.append(_train(boxed, config, batch=batch))
  for result in results[1:]:
    _assert_equal(result, results[0])


def test_without_an_end_the_stream_is_endless(seven, data_config):
  dataset = batches.train_batches(seven, data_config(crop=13), batch=4, seed=0)
  result = list(batches.as_numpy(dataset.take(6)))
  _assert_equal(result, _train(seven, data_config(crop=13)))


def _plain_tensorflow(examples, config, *, batch, seed):
  """Returns the training stream, written with TensorFlow's own functions."""
  count, size, crop = len(examples), config.resize, config.crop
  encoded = tf.constant([examples.read(i) for i in range(count)])
  boxes = tf.constant(examples.box)

  def load(position):
    epoch = position // count
    index = tf.random.experimental.index_shuffle(
      position % count, [seed, epoch], max_index=count - 1
    )
    image = tf.io.decode_png(encoded[index], channels=1)
    xmin, ymin, xmax, ymax = tf.unstack(boxes[index])
    image = tf.image.resize(image[ymin:ymax, xmin:xmax], (size, size))
    image = tf.cast(tf.round(image), tf.uint8)
    crop_seed, flip_seed = tf.unstack(tf.random.split([seed, position], 2))
    image = tf.image.stateless_random_crop(image, (crop, crop, 1), crop_seed)
    return tf.image.stateless_random_flip_left_right(image, flip_seed)

  return tf.data.Dataset.range(2**62).map(load).batch(batch)


def test_images_are_those_of_plain_tensorflow(
  make_examples, noise, data_config
):
  examples = make_examples(
    [noise(150, 170, seed=seed) for seed in range(10)],
    box=[[i, 2 * i, 160 - 3 * i, 150 - i] for i in range(10)],
  )
  config = data_config(box='annotated', resize=101, crop=90)
  result = _train(examples, config, batch=5, seed=3)
  expected = _plain_tensorflow(examples, config, batch=5, seed=3).take(6)
  difference = np.abs(
    np.stack([batch['image'] for batch in result]).astype(int)
    - np.stack(list(expected.as_numpy_iterator()))
  )
  # TensorFlow finds a pixel's place in float32 and OpenCV in float64, so that
  # 0.04 % of the pixels are rounded to the next gray value.
  assert difference.max() <= 1
  assert difference.mean() < 0.001


@pytest.mark.usefixtures('num_threads')
@pytest.mark.parametrize(
  ('broken', 'message'),
  [
    (OSError(5, 'Input/output error'), '[Errno 5] Input/output error'),
    (FileNotFoundError('The image a.png does not exist.'), 'a.png does not'),
    (ValueError('Checksum of a.png.'), 'Checksum of a.png.'),
  ],
)
def test_an_error_comes_in_its_turn_in_one_line_with_the_slice(
  seven, data_config, broken, message
):
  def read(i):
    if i == 5:
      raise broken
    return seven.read(i)

  stream = batches.as_numpy(
    batches.evaluation_batches(
      dataclasses.replace(seven, read=read), data_config(), batch=2
    )
  )
  assert [next(stream)['index'].tolist() for _ in range(2)] == [[0, 1], [2, 3]]
  with pytest.raises(
    ValueError, match=r"^The image of slice 'slice5\.png': "
  ) as e:
    next(stream)
  assert message in str(e.value)
  assert '\n' not in str(e.value)


def test_an_error_of_another_kind_is_left_as_it_is(seven, data_config):
  broken = dataclasses.replace(seven, read=lambda i: {}[i])
  with pytest.raises(tf.errors.UnknownError, match='KeyError'):
    _evaluation(broken, data_config(), batch=2)


def _counted(examples):
  """Returns the examples, and a list of what was read."""
  taken = []

  def read(i):
    taken.append(i)
    return examples.read(i)

  return dataclasses.replace(examples, read=read), taken


def test_a_little_is_loaded_ahead_and_no_more(seven, data_config, num_threads):
  examples, taken = _counted(seven)
  dataset = batches.train_batches(examples, data_config(), batch=4, seed=0)
  stream = batches.as_numpy(dataset)
  for _ in range(5):
    next(stream)
  time.sleep(0.3)
  # Two batches or as many images as there are calls; the batch that is put
  # together; and one that is ready.
  ahead = max(2 * 4, 2 * num_threads) + 4 + 4
  assert 5 * 4 < len(taken) <= 5 * 4 + ahead
  stream.close()


def test_batches_are_made_while_one_is_used(seven, data_config):
  loaded = threading.Semaphore(0)

  def read(i):
    loaded.release()
    return seven.read(i)

  examples = dataclasses.replace(seven, read=read)
  dataset = batches.train_batches(examples, data_config(), batch=4, seed=0)
  stream = batches.as_numpy(dataset)
  next(stream)
  for _ in range(4 * 3):  # This batch and two more, without asking for them.
    assert loaded.acquire(timeout=10)
  stream.close()


@pytest.mark.skipif(
  not os.path.isdir('/proc/self/task'), reason='threads cannot be listed here'
)
def test_a_stream_that_is_left_leaves_no_threads(seven, data_config):
  examples, taken = _counted(seven)
  dataset = batches.train_batches(examples, data_config(), batch=4, seed=0)
  list(dataset.take(3))  # TensorFlow starts threads that it keeps.
  before = set(os.listdir('/proc/self/task'))
  stream = batches.as_numpy(dataset)
  next(stream)
  assert set(os.listdir('/proc/self/task')) - before
  stream.close()
  count = len(taken)
  assert not set(os.listdir('/proc/self/task')) - before
  time.sleep(0.2)
  assert len(taken) == count


_DATASET = """
import time
import cv2
import ml_collections
import numpy as np
from input_pipeline import batches
from input_pipeline import examples

encoded = cv2.imencode('.png', np.zeros((16, 16), np.uint8))[1].tobytes()

def read(i):
  time.sleep(0.01)
  return encoded

names = np.array(['a', 'b'])
split = examples.Examples(
  class_names=('Normal', 'CP'), slice_id=names, patient_id=names, source=names,
  label=np.array([0, 1]), box=np.zeros((2, 4)), digest=names, read=read)
config = ml_collections.ConfigDict({
  'box': 'none', 'resize': 16, 'crop': 16, 'antialias': False, 'per_class': 0})
dataset = batches.train_batches(split, config, batch=4, seed=0)
"""


@pytest.mark.parametrize(
  'loop', ['for batch in dataset:', 'for batch in batches.as_numpy(dataset):']
)
def test_an_error_in_a_loop_over_a_dataset_ends_the_program(loop):
  program = f"{_DATASET}{loop}\n  raise SystemError('in the loop')"
  root = pathlib.Path(input_pipeline.__file__).parents[1]
  result = subprocess.run(
    [sys.executable, '-c', program],
    cwd=root,
    capture_output=True,
    text=True,
    timeout=120,
    check=False,
  )
  assert result.returncode == 1
  assert result.stderr.endswith('SystemError: in the loop\n')


def test_an_iterator_that_is_left_open_lets_the_program_end():
  # Without `_end_iterators` this waits forever.
  program = f'{_DATASET}stream = batches.as_numpy(dataset)\nnext(stream)'
  root = pathlib.Path(input_pipeline.__file__).parents[1]
  result = subprocess.run(
    [sys.executable, '-c', program], cwd=root, timeout=120, check=False
  )
  assert result.returncode == 0
