# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the paper's settings stand for: the real thing, or small for a trial.

Every scale goes through the same code. A scale says for each setting of a
`grid.Run` which config file and values it is.
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
    name: of the scale.
    caution: what its results must not be taken for; '': they are the paper's.
    files: config file by initialisation.
    inits: the field `init` where the config file has another one.
    resolutions: side in pixels before and after the crop, by the paper's.
    schedules: steps by the paper's schedule.
    few_shot: training slices a class by the paper's number.
    few_shot_seeds: runs of each setting with few slices, if not asked for more.
    curve_points: evaluations in the course of a run of Figure 7; 0: none.
    sizes: number of slices of the splits that are evaluated.
    values: of other fields, by their dotted name.
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
    run: what is to be run.
    scale: at which scale.
    values: of fields that are the same for all runs, by their dotted names,
      such as 'data.path'.

  Raises:
    ValueError, TypeError: a field is not known, or its value is not of its
      type.
  """
  module = scale.files[run.initialisation].removesuffix('.py').replace('/', '.')
  try:
    config = importlib.import_module(module).get_config()
  except ModuleNotFoundError as error:
    raise ValueError(
      f'{scale.files[run.initialisation]} is not here: {error}. Start from the '
      "root of the project's clone."
    ) from error
  for name, value in {**fields(run, scale), **(values or {})}.items():
    _set(config, name, value)
  return config


def fields(run: grid.Run, scale: Scale) -> dict[str, Any]:
  """Returns what a run sets in its config file, by the fields' dotted names."""
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
    # Only Figure 7 shows the course of a run; an evaluation of COVIDx CT's val
    # split costs as much as 130 steps.
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
  """Returns the command line that makes a run by itself."""
  file = scale.files[run.initialisation]
  settings = {**fields(run, scale), **(values or {})}
  parts = [f'python -m bit_covid.main --config={file} --workdir={workdir}']
  parts += [
    f'--config.{name}={_quoted(value)}' for name, value in settings.items()
  ]
  return ' '.join(parts)


def _quoted(value: Any) -> str:
  """Returns the value as a shell and the config's flags take it."""
  return shlex.quote(str(value))


def _set(config: ml_collections.ConfigDict, name: str, value: Any) -> None:
  """Sets a field by its dotted name; a new one would be read by nobody."""
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
