# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A run on trial whose predictions and images a test decides."""

from collections.abc import Callable
import types

from etils import epath
import numpy as np
import pytest

from bit_covid.analysis import predictions
from bit_covid.audit.model import subject as subject_lib
from input_pipeline import examples as examples_lib

CLASS_NAMES = ('Normal', 'CP', 'NCP')


@pytest.fixture
def make_examples() -> Callable[..., examples_lib.Examples]:
  """Makes slices `<patient>-<number>.png` of 8 patients of each class."""

  def make(*, patients=8, numbers=range(20, 26), seed=0, **columns):
    names = [
      (label, f'{CLASS_NAMES[label]}{i}', number)
      for label in range(len(CLASS_NAMES))
      for i in range(patients)
      for number in numbers
    ]
    count = len(names)
    images = np.random.default_rng(seed).integers(
      0, 256, [count, 40, 40], np.uint8
    )
    fields = {
      'class_names': CLASS_NAMES,
      'slice_id': np.array([f'{who}-{number}.png' for _, who, number in names]),
      'patient_id': np.array([who for _, who, _ in names]),
      'source': np.array(['A'] * count),
      'label': np.array([label for label, _, _ in names], np.int32),
      'box': np.zeros([count, 4], np.int32),
      'digest': np.array([str(i) for i in range(count)]),
      'read': lambda i: images[i].tobytes(),
    }
    return examples_lib.Examples(**fields | columns)

  return make


@pytest.fixture
def make_subject(tmp_path, make_examples) -> Callable[..., subject_lib.Subject]:
  """Makes a subject; `hit` says which slices of test are predicted rightly."""

  def make(
    *, hit=None, examples=None, train=None, temperature=None, sure=0.9
  ) -> subject_lib.Subject:
    examples = examples or make_examples()
    count, classes = len(examples), len(examples.class_names)
    hit = np.ones(count, bool) if hit is None else hit
    predicted = np.where(hit, examples.label, (examples.label + 1) % classes)
    others = (1 - sure) / (classes - 1)
    table = predictions.make_table(
      slice_id=examples.slice_id,
      patient_id=examples.patient_id,
      source=examples.source,
      label=examples.label,
      probabilities=np.where(np.eye(classes)[predicted] == 1, sure, others),
      class_names=examples.class_names,
    )
    network = types.SimpleNamespace(
      class_names=examples.class_names, temperature=temperature
    )
    return subject_lib.Subject(
      workdir=epath.Path(tmp_path),
      network=network,
      splits={'train': train or examples, 'test': examples},
      tables={'test': table},
      judged='test',
      max_images=1000,
      seed=0,
    )

  return make
