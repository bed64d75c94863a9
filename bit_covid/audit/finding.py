# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The outcome of a check of a data set."""

from typing import Literal, NamedTuple, get_args

import pandas as pd

# FAILED: results on these splits mean nothing. WARNING: they mean less.
Severity = Literal['FAILED', 'WARNING', 'NOTE', 'PASSED', 'NOT CHECKED']
SEVERITIES: tuple[str, ...] = get_args(Severity)


class Finding(NamedTuple):
  """The outcome of one check.

  Attributes:
    check: name of the check.
    severity: one of `SEVERITIES`.
    text: what was found, in one or two sentences with numbers.
    table: the numbers behind the text; None: there are no more.
    ids: of the slices or patients that are affected.
  """

  check: str
  severity: Severity
  text: str
  table: pd.DataFrame | None = None
  ids: tuple[str, ...] = ()
