# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a check of a data set comes to."""

from typing import Literal, NamedTuple, get_args

import pandas as pd

# FAILED: results on such splits mean nothing. WARNING: it limits what they say.
Severity = Literal['FAILED', 'WARNING', 'NOTE', 'PASSED', 'NOT CHECKED']
SEVERITIES: tuple[str, ...] = get_args(Severity)


class Finding(NamedTuple):
  """The outcome of one check.

  Attributes:
    check: its name.
    severity: what it means, one of `SEVERITIES`.
    text: what was found, in a sentence or two with the numbers.
    table: the numbers behind it; None: there is nothing more to show.
    ids: of the slices or patients that are concerned.
  """

  check: str
  severity: Severity
  text: str
  table: pd.DataFrame | None = None
  ids: tuple[str, ...] = ()
