# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The outcome of a check of a data set or of a network."""

from typing import Literal, NamedTuple

import pandas as pd


class Finding(NamedTuple):
  """The outcome of one check.

  Attributes:
    severity: FAILED: it blocks a claim, as results on these splits mean
      nothing. WARNING: it weakens a claim.
    text: what was found, in one or two sentences with numbers.
    table: the numbers behind the text; None: there are no more.
    ids: of the slices or patients that are affected.
    check: name of the check, as `audit` gives it.
    advice: what to do about it, in one sentence; '' if nothing.
    picture: a PNG that shows more than the numbers; b'' if there is none.
  """

  severity: Literal['FAILED', 'WARNING', 'NOTE', 'PASSED', 'NOT CHECKED']
  text: str
  table: pd.DataFrame | None = None
  ids: tuple[str, ...] = ()
  check: str = ''
  advice: str = ''
  picture: bytes = b''
