# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Settings of a report, and numbers as plain values for JSON."""

from collections.abc import Iterable, Mapping, Sequence
import dataclasses
import math
from typing import Any

import numpy as np

from bit_covid.analysis import interval as interval_lib

Json = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Settings:
  """Settings of a report.

  Attributes:
    prevalences: shares at which PPV and NPV are restated.
    seed: that of t-SNE.
  """

  prevalences: tuple[float, ...] = (0.235, 0.05, 0.01, 0.001)
  seed: int = 0


DEFAULTS = Settings()


def plain(value: float | np.ndarray) -> Any:
  """Returns floats or whole numbers as plain Python values, NaN as None."""
  if np.ndim(value):
    return [plain(x) for x in value]
  return None if math.isnan(value) else np.asarray(value).item()


def named(
  found: Mapping[str, interval_lib.Interval], class_names: Sequence[str] = ()
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


def flat(name: str, interval: interval_lib.Interval) -> Json:
  """Returns value and bounds under `name`, `name_low` and `name_high`."""
  keys = name, f'{name}_low', f'{name}_high'
  return dict(zip(keys, map(plain, interval), strict=True))


def _bounds(interval: Iterable[float]) -> Json:
  return dict(zip(('value', 'low', 'high'), map(plain, interval), strict=True))
