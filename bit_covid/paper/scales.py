# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The scales of the paper's runs: full size, or small for a trial.

All scales use the same code. A scale maps each setting of a `grid.Run` to a
config file and values of its fields.
"""

from collections.abc import Mapping
import dataclasses
import importlib
import shlex
import types
from typing import Any

import ml_collections

from bit_covid.paper import grid
from bit_covid.training import schedule

# Evaluations for Figure 7; the paper has one every 100 of 10,000 steps.
CURVE_POINTS = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale:
  """How the runs of the paper are made at one scale.

  Attributes:
    name: the name of the scale.
    caution: a warning about its results, '' at the paper's scale.
    files: config file by initialisation.
    inits: the field `init` by initialisation; empty for that of the file.
    resolutions: side in pixels before and after the crop, by the paper's name.
    schedules: steps by the paper's name of the schedule.
    few_shot: training slices of each class, by the paper's number.
    few_shot_seeds: default number of runs of each setting with few slices.
    curve_points: evaluations during a run of Figure 7, 0 for none.
    sizes: number of slices of the splits that are evaluated.
    values: values of other fields, by their dotted names.
  """

  name: str
  caution: str
  files: Mapping[str, str]
  inits: Mapping[str, str]
  resolutions: Mapping[str, tuple[int, int]]
  schedules: Mapping[str, tuple[int, ...]]
  few_shot: Mapping[int, int]
  few_shot_seeds: int
  curve_points: int
  sizes: Mapping[str, int]
  values: Mapping[str, Any]


_FILES = {
  'Random': 'configs/random.py',
  'Bit-S': 'configs/bit_s.py',
  'Bit-M': 'configs/bit_m.py',
  'Bit-M-C': 'configs/bit_m_c.py',
  'Bit-M-S': 'configs/bit_m_s.py',
}
# Networks of the demo's size that were pre-trained on drawn textures, on few or
# many of them as BiT-S and BiT-M on photographs.
_TEXTURES = {
  'Random': 'random',
  'Bit-S': 'Textures-S-tiny',
  'Bit-M': 'Textures-M-tiny',
  'Bit-M-C': 'Textures-M-tiny-C',
  'Bit-M-S': 'Textures-M-tiny-S',
}


def _same(file: str) -> dict[str, str]:
  return dict.fromkeys(grid.INITIALISATIONS, file)


SCALES: Mapping[str, Scale] = types.MappingProxyType(
  {
    'paper': Scale(
      name='paper',
      caution='',
      files=_FILES,
      inits={},
      resolutions={
        name: tuple(int(side) for side in name.split('x'))
        for name in grid.RESOLUTIONS
      },
      schedules=schedule.SCHEDULES,
      few_shot={number: number for number in grid.FEW_SHOT},
      few_shot_seeds=5,
      curve_points=CURVE_POINTS,
      sizes={'val': 25_486, 'test': 25_658},
      values={},
    ),
    'sample': Scale(
      name='sample',
      caution=(
        'A few patients and a tiny network, pre-trained on drawn textures: '
        'not comparable with the published numbers.'
      ),
      files=_same('configs/covidx_sample.py'),
      inits=_TEXTURES,
      resolutions={
        '160x128': (36, 32),
        '256x224': (72, 64),
        '448x384': (108, 96),
        '512x480': (144, 128),
      },
      schedules={
        '500': (5, 10, 15, 20, 25),
        '5k': (10, 30, 40, 45, 50),
        '10k': (10, 60, 80, 90, 100),
        '20k': (10, 120, 160, 180, 200),
      },
      few_shot={50: 5, 100: 10, 500: 20, 1000: 40},
      few_shot_seeds=3,
      # No val split.
      curve_points=0,
      sizes={'test': 265},
      values={},
    ),
    'demo': Scale(
      name='demo',
      caution=(
        'Drawn slices and a tiny network, pre-trained on drawn textures: not '
        'comparable with the published numbers.'
      ),
      files=_same('configs/demo.py'),
      inits=_TEXTURES,
      resolutions={
        '160x128': (18, 16),
        '256x224': (27, 24),
        '448x384': (45, 40),
        '512x480': (54, 48),
      },
      schedules={
        '500': (5, 30, 40, 45, 50),
        '5k': (10, 60, 80, 90, 100),
        '10k': (10, 90, 120, 135, 150),
        '20k': (10, 180, 240, 270, 300),
      },
      few_shot={50: 6, 100: 12, 500: 60, 1000: 120},
      few_shot_seeds=3,
      curve_points=10,
      sizes={'val': 360, 'test': 540},
      values={},
    ),
  }
)


def make_config(
  run: grid.Run, scale: Scale, *, values: Mapping[str, Any] | None = None
) -> ml_collections.ConfigDict:
  """Returns the config of a run.

  Args:
    run: the run.
    scale: the scale of the run.
    values: values of fields that all runs share, by their dotted names, such as
      'data.path'.

  Raises:
    ValueError: a field or the config file does not exist.
    TypeError: a value has another type than its field.
  """
  module = scale.files[run.initialisation].removesuffix('.py').replace('/', '.')
  try:
    config = importlib.import_module(module).get_config()
  except ModuleNotFoundError as error:
    raise ValueError(
      f'{scale.files[run.initialisation]} does not exist: {error}. Start from '
      "the root of the project's clone."
    ) from error
  for name, value in {**fields(run, scale), **(values or {})}.items():
    _set(config, name, value)
  return config


def fields(run: grid.Run, scale: Scale) -> dict[str, Any]:
  """Returns the values that a run sets, by the dotted names of the fields."""
  steps = scale.schedules[run.schedule]
  resize, crop = scale.resolutions[run.resolution]
  found = dict(scale.values) | {
    'seed': run.seed,
    'schedule': steps,
    'mixup_alpha': 0.1 if run.mixup else 0.0,
    'data.resize': resize,
    'data.crop': crop,
    'data.per_class': scale.few_shot[run.per_class] if run.per_class else 0,
    'data.per_class_by': run.per_class_by,
    # Only Figure 7 needs evaluations during a run. One of COVIDx CT's val split
    # costs as much as 130 steps.
    'eval_every': (
      steps[-1] // scale.curve_points
      if run.is_default and scale.curve_points
      else 0
    ),
    'report': run.is_default,
  }
  if scale.inits:
    found['init'] = scale.inits[run.initialisation]
  return found


def command(
  run: grid.Run,
  scale: Scale,
  workdir: str,
  *,
  values: Mapping[str, Any] | None = None,
) -> str:
  """Returns the command that makes a single run."""
  file = scale.files[run.initialisation]
  settings = {**fields(run, scale), **(values or {})}
  parts = [f'python -m bit_covid.main --config={file} --workdir={workdir}']
  parts += [
    f'--config.{name}={_quoted(value)}' for name, value in settings.items()
  ]
  return ' '.join(parts)


def _quoted(value: Any) -> str:
  """Returns the value quoted for a shell and the config's flags."""
  return shlex.quote(str(value))


def _set(config: ml_collections.ConfigDict, name: str, value: Any) -> None:
  """Sets an existing field by its dotted name."""
  *parents, field = name.split('.')
  for parent in parents:
    config = config.get(parent)
    if not isinstance(config, ml_collections.ConfigDict):
      raise ValueError(f'There is no field config.{name}.')
  if field not in config:
    raise ValueError(
      f'There is no field config.{name}; beside it are '
      f'{", ".join(sorted(config))}.'
    )
  config[field] = value
