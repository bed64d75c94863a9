# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.data_checks."""

import re

import pytest

from configs import common
import input_pipeline
from input_pipeline import data_checks

_BAD = (
  ('name', 3),
  ('path', None),
  ('box', 'tight'),
  ('resize', 0),
  ('resize', 100_000),
  ('crop', 0),
  ('crop', -5),
  ('crop', 48.5),
  ('crop', True),
  ('antialias', 1),
  ('range_16bit', ()),
  ('range_16bit', (4095,)),
  ('range_16bit', (4095, 0)),
  ('range_16bit', (-1, 4095)),
  ('range_16bit', (0, 65_536)),
  ('range_16bit', ('0', '4095')),
  ('range_16bit', 4095),
  ('window', (-600,)),
  ('window', (-600, 0)),
  ('window', (-600, -1500)),
  ('window', (-600, float('nan'))),
  ('window', (-600, float('inf'))),
  ('rotation', -1),
  ('rotation', 181),
  ('contrast', 1.5),
  ('brightness', float('nan')),
  ('erase', True),
  ('per_class', -1),
  ('per_class', 0.5),
  ('per_class_by', 'hospital'),
)


@pytest.mark.parametrize(('field', 'value'), _BAD)
def test_a_bad_field_is_an_error_before_data_are_read(field, value):
  config = dict(common.get_config().data) | {field: value}
  message = f'config.data.{field} is {value!r}; expected '
  for read in (
    input_pipeline.load_split,
    lambda x, _: data_checks.check_config(x),
  ):
    # The default, COVIDx CT, has not been prepared here.
    with pytest.raises(ValueError, match=re.escape(message)) as error:
      read(config, 'train')
    assert '\n' not in str(error.value)


def test_every_field_has_a_check():
  for field, value in common.get_config().data.items():
    assert data_checks._RULES[field][0](value), field
    assert not data_checks._RULES[field][0](None), field


@pytest.mark.parametrize(
  ('field', 'value'),
  [
    ('window', ()),
    ('window', (40, 0.5)),
    ('window', [-600.0, 1500.0]),
    ('range_16bit', (31_418, 32_918)),
    ('range_16bit', (0, 65_535)),
    ('per_class', 0),
    ('rotation', 180),
    ('contrast', 1),
    ('erase', 1.0),
    ('crop', 1),
  ],
)
def test_the_ends_of_a_range_belong_to_it(field, value):
  data_checks.check_config({field: value})


def test_a_path_that_is_no_folder_is_said_of_a_prepared_data_set(
  tfds_dir, tmp_path
):
  config = common.get_config().data
  config.update({'name': 'phantom/tiny', 'data_dir': str(tfds_dir), 'path': ''})
  assert len(input_pipeline.load_split(config, 'val')) == 18
  config.path = str(tmp_path / 'none')
  with pytest.raises(FileNotFoundError, match=r'none, which is not a folder'):
    input_pipeline.load_split(config, 'val')


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch, encode, noise):
  monkeypatch.setenv('HOME', str(tmp_path))
  for name in ('a', 'b'):
    folder = tmp_path / 'set' / 'train' / name
    folder.mkdir(parents=True)
    (folder / '1.png').write_bytes(encode(noise(20, 30)))
  config = {'name': 'image_folder', 'path': '~/set'}
  assert len(input_pipeline.load_split(config, 'train')) == 2
