# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Settings of a report, and numbers as plain values for JSON."""

from collections.abc import Mapping
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


def plain(value: float | np.ndarray) -> Any:
  """Returns numbers as plain Python values, NaN as None."""
  if np.ndim(value):
    return [plain(x) for x in value]
  return None if math.isnan(value) else float(value)


def named(
  found: Mapping[str, bootstrap.Interval], class_names: tuple[str, ...]
) -> Json:
  """Returns value, low and high of each measure, and of each class of it."""
  result = {}
  for name, interval in found.items():
    parts = dict(zip(('value', 'low', 'high'), interval, strict=True))
    if np.ndim(interval.value) == 0:
      result[name] = {key: plain(x) for key, x in parts.items()}
    else:
      result[name] = {
        class_name: {key: plain(x[i]) for key, x in parts.items()}
        for i, class_name in enumerate(class_names)
      }
  return result
