# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The settings by which `preprocess` crops and resizes slices."""

from collections.abc import Mapping
import dataclasses
from typing import Any

# What a slice can be cropped to before it is resized.
BOXES = ('annotated', 'automatic', 'none')


@dataclasses.dataclass(frozen=True)
class Preprocessing:
  """How a gray slice becomes an input of the network.

  Attributes:
    box: 'annotated' crops to the box of the data set, 'automatic' to the body
      that `body_crop` finds, 'none' not at all.
    resize: side in pixels to which a training slice is resized, before a random
      part of it is taken.
    crop: side in pixels of that part, and of the network's input. Slices are
      resized straight to it for evaluation.
    antialias: whether a low-pass filter is applied when an image shrinks.

  Raises:
    ValueError: `box` is not one of `BOXES`.
  """

  box: str
  resize: int
  crop: int
  antialias: bool

  def __post_init__(self) -> None:
    check_box_mode(self.box)

  @classmethod
  def from_config(cls, config: Mapping[str, Any]) -> 'Preprocessing':
    """Returns the settings in the field `data` of a config.

    Args:
      config: the field `data`, or a checkpoint's `preprocessing`. `resize` may
        be missing if it is used for evaluation only; it is then `crop`.
    """
    return cls(
      box=config['box'],
      resize=config.get('resize', config['crop']),
      crop=config['crop'],
      antialias=config['antialias'],
    )


def check_box_mode(mode: str) -> None:
  """Raises ValueError unless the mode is one of `BOXES`."""
  if mode not in BOXES:
    raise ValueError(
      f'config.data.box is {mode!r}; expected one of {", ".join(BOXES)}.'
    )
