# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What goes into the collecting of an item, and what comes out of it."""

from collections.abc import Mapping, Sequence
import dataclasses
from typing import TYPE_CHECKING, Any

from matplotlib import figure as mpl_figure

from bit_covid.paper import markdown
from bit_covid.paper import results
from bit_covid.paper import scales

if TYPE_CHECKING:
  # TensorFlow: most items need no images and do not wait for it.
  import input_pipeline


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
  """What an item is made from.

  Attributes:
    runs: those of the item, as far as they are finished.
    scale: at which they were made.
    splits: the data, by split, as far as they are at hand.
    sweeps: Figure 6 as the paper's two sweeps.
  """

  runs: results.Runs
  scale: scales.Scale
  splits: Mapping[str, 'input_pipeline.Examples']
  sweeps: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Collected:
  """An item, before it is written.

  Attributes:
    title: 'Table 1. ...'.
    records: rows of the CSV, in full precision.
    tables: of the markdown.
    notes: sentences below them.
    figure: the picture.
  """

  title: str
  records: Sequence[Mapping[str, Any]]
  tables: Sequence[markdown.Table]
  notes: Sequence[str]
  figure: mpl_figure.Figure
