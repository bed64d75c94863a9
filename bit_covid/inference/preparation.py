# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Slices, prepared for a network as in its training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy import typing as npt

from input_pipeline import body_crop
from input_pipeline import conventions
from input_pipeline import preprocess

# The paper's preprocessing, for public checkpoints, which do not name theirs.
DEFAULT = {
  'box': 'automatic',
  'crop': 480,
  'antialias': False,
  'range_16bit': conventions.FULL_RANGE_16BIT,
}


def prepare(
  gray: np.ndarray,
  preprocessing: Mapping[str, Any],
  annotated: np.ndarray | None = None,
) -> tuple[npt.NDArray[np.uint8], np.ndarray | None]:
  """Returns a prepared slice, and the box of its crop.

  The slice is `[S, S, 1]` uint8. The box is `[4]` int (xmin, ymin, xmax, ymax);
  None means that the whole slice was taken.

  Args:
    gray: `[H, W]` uint8.
    preprocessing: fields of the config's `data` that concern an image.
    annotated: the annotated box, used if the training used such boxes. A box is
      found automatically without one, and where it is four zeros.
  """
  kind, box = preprocessing['box'], None
  if kind == 'annotated' and annotated is not None and annotated.any():
    box = annotated
  elif kind != 'none':
    box = body_crop.body_box(gray)
  prepared = preprocess.prepare(
    gray,
    box,
    preprocessing['crop'],
    antialias=preprocessing['antialias'],
  )
  return prepared, box
