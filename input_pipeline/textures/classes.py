# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The classes of textures, and the sets that they form."""

import dataclasses
import itertools

from input_pipeline.textures import patterns
from input_pipeline.textures import shapes


@dataclasses.dataclass(frozen=True)
class Texture:
  """A class: what its images have in common.

  Attributes:
    name: of the class, unique over all sets.
    motif: a key of `patterns.REPEATED`, `patterns.NOISES` or `shapes.SHAPES`.
    period: of the repetition in pixels; 0 for a single shape.
    warp: how far the plane is bent, in pixels.
    polarity: 1 if shapes are brighter than their background, -1 if darker, 0 if
      either.
    haze: whether shapes are soft and transparent.
  """

  name: str
  motif: str
  period: float
  warp: float = 0.0
  polarity: int = 0
  haze: bool = False


_REPEATED = tuple(
  Texture(f'{motif}-{scale}-{form}', motif, period, warp=warp)
  for motif, (scale, period), (form, warp) in itertools.product(
    patterns.REPEATED,
    (('fine', 6.5), ('coarse', 13.0)),
    (('straight', 0.0), ('bent', 3.5)),
  )
)
_NOISES = tuple(
  Texture(f'{motif}-{scale}', motif, period)
  for motif, (scale, period) in itertools.product(
    patterns.NOISES, (('fine', 5.0), ('medium', 10.0), ('coarse', 20.0))
  )
)
_SCATTERED = tuple(
  Texture(f'{motif}-{form}', motif, period, polarity=polarity, haze=haze)
  for motif, (form, period, polarity, haze) in itertools.product(
    shapes.SHAPES,
    (
      ('small-bright', 14.0, 1, False),
      ('small-dark', 14.0, -1, False),
      ('large-bright', 28.0, 1, False),
      ('large-dark', 28.0, -1, False),
      # Small transparent shapes could not be seen.
      ('large-haze', 28.0, 1, True),
    ),
  )
)

# Many classes, like those of ImageNet-21k.
MANY = (*_REPEATED, *_NOISES, *_SCATTERED)

# Few classes, a subset of `MANY`, as those of ILSVRC-2012 are of ImageNet-21k.
FEW = tuple(
  texture
  for texture in MANY
  if texture.name
  in {
    'stripes-coarse-straight',
    'checks-fine-straight',
    'grids-coarse-bent',
    'bricks-coarse-straight',
    'circles-fine-straight',
    'cells-coarse-straight',
    'camouflage-medium',
    'fibres-medium',
    'discs-small-bright',
    'rings-large-dark',
    'triangles-large-haze',
    'stars-small-dark',
  }
)

# One large shape per image, as CIFAR-10 shows one object.
SINGLE = tuple(
  Texture(f'one-{motif}', motif, period=0)
  for motif in (
    'discs',
    'rings',
    'crescents',
    'bars',
    'pluses',
    'arrows',
    'triangles',
    'squares',
    'spikes',
    'suns',
  )
)
