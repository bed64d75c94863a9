# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The configs hold the paper's settings; their short forms are strict."""

import importlib
import pathlib

import ml_collections
import pytest

from bit_covid.models import resnet_v2
from bit_covid.training import schedule
from bit_covid.weights import find
from configs import common
from input_pipeline import sars_cov_2_ct

FOLDER = pathlib.Path(common.__file__).parent
NAMES = sorted(
  path.stem for path in FOLDER.glob('*.py') if path.stem != '__init__'
)
# The public file behind each initialisation of the paper.
INITIALISATIONS = {
  'random': 'random',
  'bit_s': 'BiT-S-R50x1',
  'bit_m': 'BiT-M-R50x1',
  'bit_m_s': 'BiT-M-R50x1-ILSVRC2012',
  'bit_m_c': 'BiT-M-R50x1-CIFAR10',
}


def _get_config(name, arg=None):
  return importlib.import_module(f'configs.{name}').get_config(arg)


@pytest.mark.parametrize('name', INITIALISATIONS)
def test_settings_of_the_paper(name):
  config = _get_config(name)
  assert config.init == INITIALISATIONS[name]
  assert config.init == 'random' or find.is_public_name(config.init)
  assert config.model.name == 'R50x1'
  assert config.data.name == 'covidx_ct/2a'
  assert config.data.box == 'annotated'
  assert (config.data.resize, config.data.crop) == (512, 480)
  assert config.batch == 64
  assert config.learning_rate == 0.003
  assert config.momentum == 0.9
  assert config.mixup_alpha == 0.1
  assert config.schedule == (500, 3000, 6000, 9000, 10_000)
  assert config.final_splits == ('val', 'test')


@pytest.mark.parametrize('name', NAMES)
def test_configs_differ_in_values_and_not_in_fields(name):
  def types(config):
    return {
      key: types(value)
      if isinstance(value, ml_collections.ConfigDict)
      else type(value)
      for key, value in config.items()
    }

  config = _get_config(name)
  assert types(config) == types(common.get_config())
  assert config.model.name in resnet_v2.MODELS
  schedule.check(config.schedule)
  # Each takes the short forms, and says how it is run.
  assert _get_config(name, 'seed=7').seed == 7
  module = importlib.import_module(f'configs.{name}')
  assert f'--config=configs/{name}.py' in module.__doc__ or name == 'common'


@pytest.mark.parametrize('name', NAMES)
def test_a_misspelt_field_is_an_error(name):
  config = _get_config(name)
  with pytest.raises(AttributeError, match='Did you mean "batch" instead of'):
    config.bach = 3
  with pytest.raises(AttributeError, match='Did you mean "window" instead of'):
    config.data.windw = (40, 400)


def test_short_forms():
  config = common.get_config(
    'resolution=160x128,steps=5k,mixup=False,per_class=100,seed=3,'
    'model=R101x1,init=runs/a=b/model.npz'
  )
  assert (config.data.resize, config.data.crop) == (160, 128)
  assert config.schedule == (500, 1500, 3000, 4500, 5000)
  assert config.mixup_alpha == 0
  assert config.data.per_class == 100
  assert config.seed == 3
  assert config.model.name == 'R101x1'
  assert config.init == 'runs/a=b/model.npz'
  assert common.get_config('mixup=True').mixup_alpha == 0.1
  assert common.get_config('steps=auto').schedule == ()


def test_demo_starts_from_what_comes_with_the_package():
  assert _get_config('demo').init in find.bundled()
  assert _get_config('demo', 'init=random').init == 'random'


def test_pretraining_has_a_short_form_for_its_set():
  config = _get_config('pretrain_textures', 'set=s,seed=1')
  assert config.data.name == 'textures/s'
  assert config.data.box == 'none'
  assert config.init == 'random'
  assert _get_config('pretrain_textures').data.name == 'textures/m'
  with pytest.raises(ValueError, match=r"'set=x'.*known are s, m and c"):
    _get_config('pretrain_textures', 'set=x')
  with pytest.raises(ValueError, match=r'expected any of set=s, m or c, resol'):
    _get_config('pretrain_textures', 'sets=m')
  with pytest.raises(ValueError, match=r"'set=m'.*expected any of resolution"):
    common.get_config('set=m')


def test_the_sars_cov_2_set_is_trained_on_whole_images_by_default():
  config = _get_config('sars_cov_2_ct')
  assert config.data.name == sars_cov_2_ct.NAME
  assert config.data.box == 'none'
  assert (config.model.name, config.init) == ('tiny', 'Textures-M-tiny')
  larger = _get_config(
    'sars_cov_2_ct', 'model=R26x0.5,init=random,resolution=256x224'
  )
  assert (larger.model.name, larger.init) == ('R26x0.5', 'random')
  assert (larger.data.resize, larger.data.crop) == (256, 224)


@pytest.mark.parametrize(
  ('arg', 'message'),
  [
    ('size=3', r"'size=3'.*expected any of resolution=.*steps=.*mixup="),
    ('resolution', r'expected resolution=512x480'),
    ('resolution=512', r'expected resolution=512x480'),
    ('steps=11k', r'known are 500, 5k, 10k, 20k and auto'),
    ('mixup=1', r'known are True and False'),
    ('per_class=many', r'expected per_class='),
    ('steps=5k,,seed=1', r'expected any of'),
  ],
)
def test_wrong_short_forms_say_what_is_expected(arg, message):
  with pytest.raises(ValueError, match=message):
    common.get_config(arg)
