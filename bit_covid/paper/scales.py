# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The scales of the paper's runs: full size, or small for a trial.

All scales use the same code. A scale maps each setting of a `grid.Run` to a
config file and values of its fields.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import shlex
import types
from typing import Any

import ml_collections

from bit_covid.base import config_files
from bit_covid.paper import grid
from bit_covid.training import schedule


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scale:
  """How the runs of the paper are made at one scale.

  Attributes:
    caution: a warning about its results, '' at the paper's scale.
    files: name of the config file by initialisation.
    inits: the field `init` by initialisation; empty for that of the file.
    resolutions: side in pixels before and after the crop, by the paper's name.
    schedules: steps by the paper's name of the schedule.
    few_shot: training slices of each class, by the paper's number.
    few_shot_seeds: default number of runs of each setting with few slices.
    curve_points: evaluations during a run of Figure 7, 0 for none.
    sizes: number of slices of the splits that are evaluated.
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


def _small(
  name: str,
  data: str,
  *,
  file: str,
  resolutions: Sequence[tuple[int, int]],
  schedules: Sequence[tuple[int, ...]],
  few_shot: Sequence[int],
  **others: Any,
) -> Scale:
  """Returns a scale of the tiny network; sequences are in `grid`'s order."""
  return Scale(
    name=name,
    caution=(
      f'{data} and a tiny network, pre-trained on drawn textures: not '
      'comparable with the published numbers.'
    ),
    files=dict.fromkeys(grid.INITIALISATIONS, file),
    # Few or many textures, as BiT-S and BiT-M saw few or many photographs.
    inits={
      'Random': 'random',
      'Bit-S': 'Textures-S-tiny',
      'Bit-M': 'Textures-M-tiny',
      'Bit-M-C': 'Textures-M-tiny-C',
      'Bit-M-S': 'Textures-M-tiny-S',
    },
    resolutions=dict(zip(grid.RESOLUTIONS, resolutions, strict=True)),
    schedules=dict(zip(grid.SCHEDULES, schedules, strict=True)),
    few_shot=dict(zip(grid.FEW_SHOT, few_shot, strict=True)),
    few_shot_seeds=3,
    **others,
  )


PAPER = Scale(
  name='paper',
  caution='',
  files={
    'Random': 'random',
    'Bit-S': 'bit_s',
    'Bit-M': 'bit_m',
    'Bit-M-C': 'bit_m_c',
    'Bit-M-S': 'bit_m_s',
  },
  inits={},
  resolutions={
    '160x128': (160, 128),
    '256x224': (256, 224),
    '448x384': (448, 384),
    '512x480': (512, 480),
  },
  schedules=schedule.SCHEDULES,
  few_shot={number: number for number in grid.FEW_SHOT},
  few_shot_seeds=5,
  # One every 100 of 10,000 steps.
  curve_points=100,
  sizes={'val': 25_486, 'test': 25_658},
)
_SAMPLE = _small(
  'sample',
  'A few patients',
  file='covidx_sample',
  resolutions=((36, 32), (72, 64), (108, 96), (144, 128)),
  schedules=(
    (5, 10, 15, 20, 25),
    (10, 30, 40, 45, 50),
    (10, 60, 80, 90, 100),
    (10, 120, 160, 180, 200),
  ),
  few_shot=(5, 10, 20, 40),
  # No val split.
  curve_points=0,
  sizes={'test': 265},
)
_DEMO = _small(
  'demo',
  'Drawn slices',
  file='demo',
  resolutions=((18, 16), (27, 24), (45, 40), (54, 48)),
  schedules=(
    (5, 30, 40, 45, 50),
    (10, 60, 80, 90, 100),
    (10, 90, 120, 135, 150),
    (10, 180, 240, 270, 300),
  ),
  few_shot=(6, 12, 60, 120),
  curve_points=10,
  sizes={'val': 360, 'test': 540},
)
SCALES: Mapping[str, Scale] = types.MappingProxyType(
  {scale.name: scale for scale in (PAPER, _SAMPLE, _DEMO)}
)


def make_config(
  run: grid.Run, scale: Scale, *, values: Mapping[str, Any] | None = None
) -> ml_collections.ConfigDict:
  """Returns the config of a run, with further values by dotted names of fields.

  Raises:
    ValueError: a field does not exist.
    TypeError: a value has another type than its field.
  """
  config = config_files.get_config(scale.files[run.initialisation])
  for name, value in (_fields(run, scale) | (values or {})).items():
    _set(config, name, value)
  return config


def command(
  run: grid.Run, scale: Scale, workdir: str, *, values: Mapping[str, Any]
) -> str:
  """Returns the command that makes a single run, with values of fields."""
  file = scale.files[run.initialisation]
  parts = [f'python -m bit_covid.main --config={file} --workdir={workdir}']
  parts += [
    f'--config.{name}={shlex.quote(str(value))}'
    for name, value in (_fields(run, scale) | values).items()
  ]
  return ' '.join(parts)


def _fields(run: grid.Run, scale: Scale) -> dict[str, Any]:
  """Returns the values that a run sets, by the dotted names of the fields."""
  steps = scale.schedules[run.schedule]
  resize, crop = scale.resolutions[run.resolution]
  # Only Figure 7 needs evaluations during a run. One of COVIDx CT's val split
  # costs as much as 130 steps.
  has_curve = run.is_default and scale.curve_points
  found = {
    'seed': run.seed,
    'schedule': steps,
    'mixup_alpha': 0.1 if run.mixup else 0.0,
    'data.resize': resize,
    'data.crop': crop,
    'data.per_class': scale.few_shot[run.per_class] if run.per_class else 0,
    'data.per_class_by': run.per_class_by,
    'eval_every': steps[-1] // scale.curve_points if has_curve else 0,
    'report': run.is_default,
  }
  if scale.inits:
    found['init'] = scale.inits[run.initialisation]
  return found


def _set(config: ml_collections.ConfigDict, name: str, value: Any) -> None:
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
