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
    name: name of the class, unique over all sets.
    motif: a key of `patterns.REPEATED`, `patterns.NOISES` or `shapes.SHAPES`.
    period: period of the repetition in pixels; 0 for a single shape.
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


def _all_repeated() -> tuple[Texture, ...]:
  return tuple(
    Texture(f'{motif}-{scale}-{form}', motif, period=period, warp=warp)
    for motif, (scale, period), (form, warp) in itertools.product(
      patterns.REPEATED,
      (('fine', 6.5), ('coarse', 13.0)),
      (('straight', 0.0), ('bent', 3.5)),
    )
  )


def _all_noises() -> tuple[Texture, ...]:
  return tuple(
    Texture(f'{motif}-{scale}', motif, period=period)
    for motif, (scale, period) in itertools.product(
      patterns.NOISES, (('fine', 5.0), ('medium', 10.0), ('coarse', 20.0))
    )
  )


def _all_scattered() -> tuple[Texture, ...]:
  return tuple(
    Texture(
      f'{motif}-{scale}-{tone}',
      motif,
      period=period,
      polarity=polarity,
      haze=tone == 'haze',
    )
    for motif, (scale, period, tone, polarity) in itertools.product(
      shapes.SHAPES,
      (
        ('small', 14.0, 'bright', 1),
        ('small', 14.0, 'dark', -1),
        ('large', 28.0, 'bright', 1),
        ('large', 28.0, 'dark', -1),
        # Small transparent shapes could not be seen.
        ('large', 28.0, 'haze', 1),
      ),
    )
  )


# Many classes, like those of ImageNet-21k.
MANY = (*_all_repeated(), *_all_noises(), *_all_scattered())

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
