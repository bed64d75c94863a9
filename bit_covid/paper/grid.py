# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The runs that each table and figure of the paper needs, named as there.

`scales.py` says what '512x480' or 'Bit-M' means at a small scale. Items share
runs: Table 1's Bit-M is also the one of Figures 4, 5, 7 and 9 and a point of
Figures 6 and 8.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import itertools
import os
import pathlib
import types

INITIALISATIONS = ('Random', 'Bit-S', 'Bit-M', 'Bit-M-C', 'Bit-M-S')
# Of training images before and after the random crop.
RESOLUTIONS = ('160x128', '256x224', '448x384', '512x480')
# The keys of `bit_covid.training.schedule.SCHEDULES`.
SCHEDULES = ('500', '5k', '10k', '20k')
FEW_SHOT = (50, 100, 500, 1000)
BEST = 'Bit-M'


@dataclasses.dataclass(frozen=True, order=True)
class Run:
  """One training of the paper, in the words of the constants above.

  `per_class` is the number of training slices of each class; 0 means all. They
  are drawn by 'slice', as in the paper, or by 'patient'.
  """

  initialisation: str
  resolution: str = '512x480'
  schedule: str = '10k'
  mixup: bool = True
  per_class: int = 0
  per_class_by: str = 'slice'
  seed: int = 0

  @property
  def name(self) -> str:
    """The name of its folder, which is unique."""
    parts = [
      self.initialisation.lower(),
      self.resolution,
      self.schedule,
      'mixup' if self.mixup else 'no-mixup',
    ]
    if self.per_class:
      parts.append(f'{self.per_class}-by-{self.per_class_by}')
    return '-'.join([*parts, f'seed{self.seed}'])

  @property
  def is_default(self) -> bool:
    """Whether it is a run of Tables 1 to 3 and Figure 7."""
    return self == Run(self.initialisation, seed=self.seed)

  def with_seed(self, seed: int) -> 'Run':
    """Returns the same run with another seed."""
    return dataclasses.replace(self, seed=seed)

  def folder(self, workdir: str | os.PathLike[str]) -> pathlib.Path:
    """Returns its work directory within that of the paper."""
    return pathlib.Path(workdir, 'runs', self.name)


def few_shot(
  initialisation: str, per_class: int, *, by: str, seed: int = 0
) -> Run:
  """Returns a run of Figure 8.

  The paper does not give its schedule and mixup. BiT-HyperRule has 500 steps
  and no mixup for less than 20,000 images.
  """
  return Run(
    initialisation,
    schedule='500',
    mixup=False,
    per_class=per_class,
    per_class_by=by,
    seed=seed,
  )


def figure6(*, sweeps: bool = False) -> list[Run]:
  """Returns the 32 runs of all combinations, or the paper's two sweeps.

  The sweeps share the point that both go through, so that their 16 points are
  14 runs; the paper ran it twice, and saw the noise between two runs there.
  """
  return [
    Run(BEST, resolution, schedule, mixup)
    for resolution, schedule, mixup in itertools.product(
      RESOLUTIONS, SCHEDULES, (True, False)
    )
    if not sweeps or resolution == '512x480' or schedule == '10k'
  ]


def figure8() -> list[Run]:
  """Returns the runs on few slices; Table 1 has those on all slices."""
  return [
    few_shot(initialisation, per_class, by=by)
    for initialisation in (BEST, 'Random')
    for by in ('slice', 'patient')
    for per_class in FEW_SHOT
  ]


_BEST = (Run(BEST),)
_THREE = tuple(Run(name) for name in ('Random', 'Bit-S', BEST))
_ALL = tuple(Run(name) for name in INITIALISATIONS)
# Settings of each item; its runs are these with every seed.
ITEMS: Mapping[str, Sequence[Run]] = types.MappingProxyType(
  {
    'table1': _THREE,
    'table2': _THREE,
    'table3': _ALL,
    'figure2': (),
    'figure4': _BEST,
    'figure5': _BEST,
    'figure6': figure6(),
    'figure7': _ALL,
    'figure8': (*figure8(), *_BEST),
    'figure9': _BEST,
  }
)


def runs(
  items: Sequence[str],
  *,
  seeds: int = 1,
  few_shot_seeds: int = 5,
  sweeps: bool = False,
) -> list[Run]:
  """Returns the runs of the items, each once, in the order of the items.

  Args:
    items: keys of `ITEMS`.
    seeds: number of runs of each setting, with the seeds from 0.
    few_shot_seeds: the same where training slices are drawn, at least `seeds`.
    sweeps: Figure 6 as two sweeps rather than as all combinations.
  """
  settings = ITEMS | {'figure6': figure6(sweeps=sweeps)}
  found = []
  for run in itertools.chain.from_iterable(settings[item] for item in items):
    count = max(seeds, few_shot_seeds) if run.per_class else seeds
    found += [run.with_seed(seed) for seed in range(count)]
  # A dict keeps the order, a set would not.
  return list(dict.fromkeys(found))
