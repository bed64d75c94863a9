# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What is written beside a network, and what is said if it is not."""

import dataclasses
import types

from etils import epath
import ml_collections
import numpy as np
import pytest

from bit_covid.base import devices
from bit_covid.training import scan_references
import input_pipeline


@pytest.mark.parametrize(
  ('box', 'preparation', 'expected'),
  [
    ('annotated', None, 'automatic'),
    ('none', None, 'none'),
    ('annotated', 'stored', 'annotated'),
  ],
)
def test_slices_are_cropped_as_scans_are(box, preparation, expected):
  config = ml_collections.FrozenConfigDict({'box': box, 'crop': 64})
  examples = types.SimpleNamespace(preparation=preparation)
  assert scan_references.scan_config(config, examples).box == expected
  assert config.box == box


def test_without_val_there_is_nothing_to_compare_with(tmp_path):
  (problem,) = scan_references.write(
    epath.Path(tmp_path), {}, {'train': None}, None, temperature=None
  )
  assert problem.endswith('no split val was loaded.')
  assert not list(tmp_path.iterdir())


def test_patients_with_several_labels_are_not_kept(
  small_network, make_small_config, random_params, tmp_path
):
  del small_network
  config = make_small_config()
  splits = {
    name: input_pipeline.load_split(config.data, name)
    for name in ('train', 'val')
  }
  val = splits['val']
  label = np.where(np.arange(len(val)) == 0, (val.label + 1) % 3, val.label)
  splits['val'] = dataclasses.replace(val, label=label)
  (tmp_path / 'model.npz').write_bytes(b'network')
  kept, limits = scan_references.write(
    epath.Path(tmp_path),
    devices.replicate(random_params('tiny')),
    splits,
    config,
    temperature=None,
  )
  assert kept.startswith(
    'The patients of val are not kept for comparison: 1 of'
  )
  assert limits.startswith('No limits for scans unlike the training: val has 6')
  assert [x.name for x in tmp_path.iterdir()] == ['model.npz']
