# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a small network learns if patients get the classes of others.

Such labels teach nothing of other patients. A network that is right on the
judged split all the same has seen its patients in the training, or the
evaluation is wrong.
"""

from collections.abc import Iterator
import dataclasses

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pandas as pd

from bit_covid.audit import finding
from bit_covid.audit.model import results
from bit_covid.audit.model import subject as subject_lib
from bit_covid.base import devices
from bit_covid.inference import network
from bit_covid.models import resnet_v2
from bit_covid.training import loss as loss_lib
from bit_covid.training import schedule
from bit_covid.training import train_step
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata
import input_pipeline

_MODEL, _SIDE = 'tiny', 64
# Without flips and crops, this is enough to learn patients by heart.
_SCHEDULE, _LEARNING_RATE, _BATCH = (50, 300, 340, 380, 400), 0.03, 32


def check(subject: subject_lib.Subject) -> finding.Finding:
  """Returns the accuracy of a network that was trained on random labels."""
  if not subject.random_labels:
    return finding.Finding(
      'NOT CHECKED',
      'It trains a small network, which takes one to five minutes on two '
      'cores; ask for it with --random_labels.',
    )
  train, judged = shuffle_labels(
    subject.splits[subject_lib.TRAIN], subject.examples, seed=subject.seed
  )
  rows = subject.sample(subject_lib.TRAIN)
  control = _train(
    _images(subject, train, rows),
    train.label[rows],
    class_names=judged.class_names,
    seed=subject.seed,
  )
  rows = subject.sample(subject.judged)
  table = results.predicted(
    subject.table.iloc[rows].assign(label=judged.label[rows]),
    control.probabilities(_images(subject, judged, rows)),
  )
  found, share = results.accuracy(table), results.commonest(table)
  text = (
    'A small network that was trained on labels shuffled among the patients '
    f'has an accuracy of {results.text(found)} on {subject.judged}, where '
    f'always saying the commonest class gives {share:.1%}'
  )
  if found.low <= share:
    return finding.Finding('PASSED', f'{text}.')
  return finding.Finding(
    'FAILED',
    f'{text}: it has seen the patients, or the evaluation is wrong.',
    advice='Look for patients that are in both splits, and divide them again.',
  )


def shuffle_labels(
  *splits: input_pipeline.Examples, seed: int
) -> list[input_pipeline.Examples]:
  """Returns the splits after patients got the labels of others.

  A patient has the same label in each split. One with slices of several classes
  counts as several.
  """
  keys = [pd.MultiIndex.from_arrays([x.patient_id, x.label]) for x in splits]
  people = keys[0].append(keys[1:]).unique()
  labels = people.get_level_values(1).to_numpy(np.int32)
  shuffled = np.random.default_rng(seed).permutation(labels)
  return [
    dataclasses.replace(x, label=shuffled[people.get_indexer(key)])
    for x, key in zip(splits, keys, strict=True)
  ]


def _images(
  subject: subject_lib.Subject,
  examples: input_pipeline.Examples,
  rows: np.ndarray,
) -> np.ndarray:
  """Returns what the network sees of slices, small, `[n, 64, 64, 1]` uint8."""
  prepared = (
    subject.prepared(examples.image(int(i)), examples.box[i]) for i in rows
  )
  size, method = (_SIDE, _SIDE), cv2.INTER_AREA
  images = [cv2.resize(x, size, interpolation=method) for x in prepared]
  return np.stack(images)[..., np.newaxis]


def _train(
  images: np.ndarray,
  label: np.ndarray,
  *,
  class_names: tuple[str, ...],
  seed: int,
) -> network.Network:
  """Returns a network that was trained on images `[N, S, S, 1]` uint8."""
  model = resnet_v2.create(_MODEL, num_classes=len(class_names))
  blank = jnp.zeros((1, _SIDE, _SIDE, 1), jnp.float32)
  params = jax.jit(model.init)(jax.random.key(seed), blank)['params']
  rate = schedule.learning_rate(_LEARNING_RATE, _SCHEDULE)
  optimizer = optax.sgd(rate, momentum=0.9)
  loss = loss_lib.Loss(model=model, mixup_alpha=0.0, seed=seed)
  update = train_step.make_train_step(loss, optimizer, accumulation=1)
  state = devices.replicate(train_step.create_state(params, optimizer))
  for batch in devices.prefetch_to_device(_batches(images, label, seed=seed)):
    state, gradient_norm = update(state, batch)
    # Several devices of one CPU may wait for each other for ever if hundreds of
    # updates are waiting.
    jax.block_until_ready(gradient_norm)
  params = devices.to_host(state.params)
  facts = metadata.Metadata(class_names)
  return network.Network(bit_npz.Checkpoint(_MODEL, params, facts))


def _batches(
  images: np.ndarray, label: np.ndarray, *, seed: int
) -> Iterator[dict[str, np.ndarray]]:
  generator = np.random.default_rng(seed)
  for _ in range(_SCHEDULE[-1]):
    rows = generator.integers(0, len(images), _BATCH)
    yield {'image': images[rows], 'label': label[rows]}
