# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Settings of a report, and numbers as plain values for JSON."""

from collections.abc import Iterable, Mapping, Sequence
import dataclasses
import math
from typing import Any

import numpy as np

from bit_covid.analysis import bootstrap
from bit_covid.analysis import operating_points

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Settings:
  """Settings of a report.

  Attributes:
    prevalences: shares at which PPV and NPV are restated.
    sensitivities: shares that thresholds have to reach on val.
    num_resamples: number of resamples of the bootstrap.
    seed: of the bootstrap and of t-SNE.
  """

  prevalences: tuple[float, ...] = (0.235, 0.05, 0.01, 0.001)
  sensitivities: tuple[float, ...] = operating_points.SENSITIVITIES
  num_resamples: int = bootstrap.NUM_RESAMPLES
  seed: int = 0

  def bootstrap(self) -> dict[str, int]:
    """Returns the arguments of all functions that resample."""
    return {'num_resamples': self.num_resamples, 'seed': self.seed}


def plain(value: float | np.ndarray) -> Any:
  """Returns numbers as plain Python values, NaN as None."""
  if np.ndim(value):
    return [plain(x) for x in value]
  return None if math.isnan(value) else float(value)


def named(
  found: Mapping[str, bootstrap.Interval], class_names: Sequence[str] = ()
) -> Json:
  """Returns value, low and high of each measure, and of each class of it."""
  result = {}
  for name, interval in found.items():
    if np.ndim(interval.value) == 0:
      result[name] = _bounds(interval)
    else:
      by_class = map(_bounds, zip(*interval, strict=True))
      result[name] = dict(zip(class_names, by_class, strict=True))
  return result


def _bounds(interval: Iterable[float]) -> Json:
  return dict(zip(('value', 'low', 'high'), map(plain, interval), strict=True))
