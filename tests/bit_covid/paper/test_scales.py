# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Each run of the paper is a config, at any scale."""

import json
import shlex
import sys

from absl import flags
from ml_collections import config_flags
import pytest

from bit_covid.base import config_files
from bit_covid.paper import grid
from bit_covid.paper import scales
from bit_covid.training import schedule

_ALL = grid.runs(list(grid.ITEMS), few_shot_seeds=1)


def test_the_default_run_is_the_config_file_of_the_paper():
  from configs import bit_m

  expected = bit_m.get_config()
  found = scales.make_config(grid.Run('Bit-M'), scales.SCALES['paper'])
  # Figure 7 shows an accuracy every 100 steps.
  expected.eval_every = 100
  assert found == expected


@pytest.mark.parametrize(
  ('initialisation', 'init'),
  [
    ('Random', 'random'),
    ('Bit-S', 'BiT-S-R50x1'),
    ('Bit-M', 'BiT-M-R50x1'),
    ('Bit-M-C', 'BiT-M-R50x1-CIFAR10'),
    ('Bit-M-S', 'BiT-M-R50x1-ILSVRC2012'),
  ],
)
def test_initialisations_of_the_paper(initialisation, init):
  scale = scales.SCALES['paper']
  assert scales.make_config(grid.Run(initialisation), scale).init == init


def test_settings_of_the_paper_are_those_of_the_run():
  run = grid.Run('Bit-M', '256x224', '20k', False, 500, 'patient', 4)
  config = scales.make_config(run, scales.SCALES['paper'])
  assert (config.data.resize, config.data.crop) == (256, 224)
  assert config.schedule == (500, 6000, 12_000, 18_000, 20_000)
  assert config.mixup_alpha == 0
  assert (config.data.per_class, config.data.per_class_by) == (500, 'patient')
  assert config.seed == 4
  assert config.eval_every == 0


@pytest.mark.parametrize('name', scales.SCALES)
def test_every_run_is_another_config_at_every_scale(name):
  scale = scales.SCALES[name]
  configs = [scales.make_config(run, scale) for run in _ALL]
  assert len({config.to_json() for config in configs}) == len(_ALL)
  for config in configs:
    schedule.check(config.schedule)
    assert config.data.crop <= config.data.resize
  assert set(scale.sizes) >= set(configs[0].final_splits)


@pytest.mark.parametrize('name', ['sample', 'demo'])
def test_small_scales_say_that_they_are_no_results(name):
  assert 'not comparable' in scales.SCALES[name].caution


# Of ml_collections, which loads the config file.
@pytest.mark.filterwarnings(r'ignore:the load_module\(\):DeprecationWarning')
@pytest.mark.parametrize('name', scales.SCALES)
@pytest.mark.parametrize(
  'run',
  [grid.Run('Bit-S'), grid.few_shot('Random', 100, by='patient', seed=2)],
)
def test_the_command_makes_the_same_config(name, run, monkeypatch):
  scale = scales.SCALES[name]
  values = {'data.path': 'a folder', 'model.dtype': 'bfloat16'}
  line = scales.command(run, scale, 'out', values=values)
  program, module, *arguments = shlex.split(line)[1:]
  assert (program, module) == ('-m', 'bit_covid.main')
  arguments = config_files.resolve_flag(arguments)
  # ml_collections looks for the fields there, whatever it is called with.
  monkeypatch.setattr(sys, 'argv', ['main', *arguments])
  holder = flags.FlagValues()
  flag = config_flags.DEFINE_config_file('config', flag_values=holder)
  flags.DEFINE_string('workdir', None, '', flag_values=holder)
  holder(sys.argv)
  expected = scales.make_config(run, scale, values=values)
  assert json.loads(flag.value.to_json()) == json.loads(expected.to_json())


@pytest.mark.parametrize(
  ('field', 'value', 'message'),
  [
    ('data.cropp', 3, 'no field config.data.cropp; beside it are .*crop'),
    ('datum.crop', 3, 'no field config.datum.crop'),
    ('batch.size', 3, 'no field config.batch.size'),
  ],
)
def test_unknown_fields_are_refused(field, value, message):
  with pytest.raises(ValueError, match=message):
    scales.make_config(
      grid.Run('Bit-M'), scales.SCALES['demo'], values={field: value}
    )


def test_a_value_of_another_type_is_refused():
  with pytest.raises(TypeError, match='many'):
    scales.make_config(
      grid.Run('Bit-M'), scales.SCALES['demo'], values={'batch': 'many'}
    )
