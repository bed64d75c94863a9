# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tests for input_pipeline.data_source and input_pipeline.preprocessing."""

import dataclasses

import pytest

from configs import common
from input_pipeline import data_source
from input_pipeline import preprocess


@pytest.mark.parametrize(
  'cls', [data_source.DataSource, preprocess.Preprocessing]
)
def test_every_field_is_that_of_the_config(cls):
  config = common.get_config().data
  values = {
    'name': 'image_folder',
    'path': 'a.csv',
    'data_dir': 'b',
    'image_folder': 'c',
    'range_16bit': (1, 4095),
    'window': (-500.0, 1400.0),
    'box': 'none',
    'resize': 99,
    'crop': 88,
    'antialias': True,
  }
  config.update(values)
  settings = dataclasses.asdict(cls.from_config(config))
  assert settings == {name: values[name] for name in settings}


def test_an_empty_window_is_not_known():
  config = {'name': 'image_folder', 'window': ()}
  assert data_source.DataSource.from_config(config).window is None


def test_a_name_is_enough_for_a_data_source():
  source = data_source.DataSource.from_config({'name': 'phantom/tiny'})
  assert source == data_source.DataSource('phantom/tiny')
  assert source.range_16bit == (0, 65_535)


def test_evaluation_needs_no_resize():
  config = {'box': 'automatic', 'crop': 32, 'antialias': False}
  assert preprocess.Preprocessing.from_config(config).crop == 32


def test_an_unknown_box_is_an_error_that_lists_the_known_ones():
  with pytest.raises(
    ValueError, match="'tight'; expected one of annotated, automatic, none"
  ):
    preprocess.Preprocessing('tight', resize=9, crop=8, antialias=False)
