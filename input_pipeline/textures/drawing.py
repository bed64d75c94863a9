# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Draws the images of a class of textures.

    image = draw(classes.MANY[0], seed=0, split='train', number=7, size=72)

An image depends on nothing but these arguments, neither on other images nor on
the other classes of its set.
"""

import zlib

import numpy as np

from input_pipeline import conventions
from input_pipeline.textures import canvas
from input_pipeline.textures import classes
from input_pipeline.textures import patterns
from input_pipeline.textures import shapes

# Pixels drawn around the image and cut off, as noise and blur wrap around at
# the edges.
_MARGIN = 6
_PATTERNS = {**patterns.REPEATED, **patterns.NOISES}
_GROUNDS = ('lines', 'grids', 'cells', 'veins', 'clouds', 'fibres', 'mosaics')


def draw(
  texture: classes.Texture, *, seed: int, split: str, number: int, size: int
) -> np.ndarray:
  """Returns an image of the class, uint8 `[size, size]`.

  `number` is that of the image in its split and class.
  """
  # Seeded by its name, so that a class is the same in every set that has it.
  name = zlib.crc32(texture.name.encode())
  rng = np.random.default_rng(
    (seed, conventions.SPLITS.index(split), name, number)
  )
  pattern = _pattern(rng, texture, size + 2 * _MARGIN)
  return _photograph(rng, pattern)[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def _pattern(rng, texture: classes.Texture, size: int) -> np.ndarray:
  """Returns the pattern of the class, with mean 0 and deviation 1."""
  turn = rng.uniform(0, 2 * np.pi)
  place = canvas.place(rng, size, turn=turn, warp=texture.warp)
  period = texture.period * np.exp(rng.uniform(-0.2, 0.2))
  if pattern := _PATTERNS.get(texture.motif):
    drawn = pattern(rng, place, period)
    return rng.choice((-1, 1)) * canvas.standardized(drawn)
  shape = shapes.SHAPES[texture.motif]
  if texture.period:
    cover = shapes.scattered(
      rng, place, shape=shape, period=period, filled=rng.uniform(0.4, 1)
    )
  else:
    cover = shapes.single(rng, place, shape=shape)
  polarity = texture.polarity or rng.choice((-1, 1))
  ground = _ground(rng, size)
  if texture.haze:
    cover = canvas.blur(cover, rng.uniform(1, 2))
    return canvas.standardized(ground + rng.uniform(1, 2) * cover)
  # These shapes are opaque.
  brightness = polarity * rng.uniform(2, 4)
  return canvas.standardized(ground + (brightness - ground) * cover)


def _ground(rng, size: int) -> np.ndarray:
  """Returns a random pattern of random contrast, the background of shapes."""
  turn, period = rng.uniform(0, 2 * np.pi), rng.uniform(4, 12)
  place = canvas.place(rng, size, turn=turn, warp=rng.choice((0, 3.5)))
  motif = rng.choice(_GROUNDS)
  drawn = canvas.standardized(_PATTERNS[motif](rng, place, period))
  return rng.uniform(0.15, 0.7) * drawn


def _photograph(rng, pattern: np.ndarray) -> np.ndarray:
  """Returns gray values, after variations that are the same in all classes."""
  size = len(pattern)
  pattern = canvas.blur(pattern, rng.uniform(0.2, 1.2))
  stains = canvas.noise(rng, size, finest=rng.uniform(6, 40))
  pattern = pattern + rng.uniform(0, 0.25) * stains
  shade = _shade(rng, size)
  pattern = pattern + rng.uniform(0, 0.4) * shade
  grain = rng.standard_normal((size, size), np.float32)
  pattern = canvas.standardized(pattern + rng.uniform(0.02, 0.3) * grain)
  # The brightness does not depend on the class, so it does not reveal it.
  gray = rng.uniform(95, 160) + rng.uniform(20, 50) * pattern
  return np.clip(np.rint(gray), 0, 255).astype(np.uint8)


def _shade(rng, size: int) -> np.ndarray:
  """Returns a ramp of light from a random side, from -1 to 1."""
  angle = rng.uniform(0, 2 * np.pi)
  ramp = np.linspace(-1, 1, size, dtype=np.float32)
  shade = np.cos(angle) * ramp + np.sin(angle) * ramp[:, None]
  return shade / np.abs(shade).max()
