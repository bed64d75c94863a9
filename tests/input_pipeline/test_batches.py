# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.batches."""

import collections

import numpy as np
import pytest

from input_pipeline import batches

# Every pixel of it has another value: row * 16 + column.
_CODED = np.arange(256, dtype=np.uint8).reshape(16, 16)


@pytest.fixture(scope='module')
def seven(make_examples, noise):
  """Seven images of 16 x 16 pixels, which need no resizing."""
  return make_examples([noise(16, 16, seed=seed) for seed in range(7)])


def _train(examples, config, first_step=0, last_step=6, **kwargs):
  kwargs = {'batch': 4, 'seed': 0} | kwargs
  return list(
    batches.train_batches(
      examples, config, first_step=first_step, last_step=last_step, **kwargs
    )
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
  result = _train(seven, data_config(crop=13), last_step=3, batch=5)
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
  result = _train(seven, data_config(), last_step=7)
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
  result = _train(examples, config, last_step=12, batch=2, seed=5)
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
  result = _train(
    examples, data_config(crop=13), last_step=20, batch=30, seed=3
  )
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
    list(
      batches.evaluation_batches(
        make_examples(images),
        data_config(),
        batch=batch,
        host=host,
        num_hosts=num_hosts,
      )
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
  (batch,) = batches.evaluation_batches(
    make_examples([_CODED] * 6), config, batch=6
  )
  assert (batch['image'] == _CODED[..., None]).all()


def test_annotated_boxes_are_cropped_to(make_examples, data_config):
  big = np.zeros((40, 50), np.uint8)
  big[7:23, 30:46] = _CODED
  box = [[30, 7, 46, 23], [0, 0, 50, 40]]
  examples = make_examples([big, big], box=box)
  config = data_config(box='annotated')
  (batch,) = batches.evaluation_batches(examples, config, batch=2)
  np.testing.assert_array_equal(batch['image'][0, ..., 0], _CODED)
  assert not np.array_equal(batch['image'][1, ..., 0], _CODED)
  (batch,) = _train(examples, config, last_step=1, batch=2)
  at = int(np.flatnonzero(batch['index'] == 0)[0])
  assert _recover(batch['image'][at])[:2] == (0, 0)


def test_automatic_boxes_are_those_of_the_body(make_examples, data_config):
  image = np.zeros((60, 70), np.uint8)
  image[20:42, 30:52] = 200
  image[30:33, 40:43] = np.arange(9).reshape(3, 3)
  # A wrong box, which must not be used.
  examples = make_examples([image], box=[[0, 0, 3, 3]])
  (batch,) = batches.evaluation_batches(
    examples, data_config(box='automatic'), batch=1
  )
  # The body less 3 pixels a side (test_body_crop), which needs no resizing.
  np.testing.assert_array_equal(batch['image'][0, ..., 0], image[23:39, 33:49])


def _iterators(examples, config, **kwargs):
  """Either kind of batches, which share their checks."""
  return (
    lambda: batches.train_batches(
      examples, config, seed=0, first_step=0, last_step=1, **kwargs
    ),
    lambda: batches.evaluation_batches(examples, config, **kwargs),
  )


def test_missing_boxes_are_an_error_with_number_example_and_remedy(
  make_examples, noise, data_config
):
  box = [[0, 0, 9, 9], [0, 0, 0, 0], [0, 0, 9, 9], [0, 0, 0, 0]]
  examples = make_examples([noise(16, 16)] * 4, box=box)
  for make in _iterators(examples, data_config(box='annotated'), batch=2):
    with pytest.raises(ValueError, match='2 of 4 slices') as error:
      make()
    assert "'slice1.png'" in str(error.value)
    assert "'automatic'" in str(error.value)
    assert "'none'" in str(error.value)


def test_a_batch_that_does_not_divide_by_the_hosts_is_an_error(
  seven, data_config
):
  for make in _iterators(seven, data_config(), batch=9, num_hosts=2):
    with pytest.raises(ValueError, match=r'batch of 9 .* by 2 hosts'):
      make()


def test_an_unknown_kind_of_box_is_an_error(seven, data_config):
  for make in _iterators(seven, data_config(box='tight'), batch=2):
    with pytest.raises(ValueError, match="box is 'tight'; expected one of"):
      make()


def test_a_crop_larger_than_the_image_is_an_error(seven, data_config):
  config = data_config(resize=15, crop=16)
  with pytest.raises(ValueError, match=r'resize=15 .* config.data.crop=16'):
    _train(seven, config)


def test_too_few_slices_of_a_class_are_an_error(seven, data_config):
  with pytest.raises(ValueError, match='class 1 has 2 slices'):
    _train(seven, data_config(per_class=3))
