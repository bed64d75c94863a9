# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What computes the scores of slices; here by JAX."""

from collections.abc import Mapping
import functools
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from bit_covid.inference import whole_batches
from bit_covid.models import class_maps
from bit_covid.models import ensemble
from bit_covid.models import normalize


class Scores(NamedTuple):
  """What a network computes of N slices.

  Attributes:
    logits: `[N, C]` float32.
    features: `[N, F]` float32, which the head takes.
    maps: of `class_maps.apply`, `[N, C, h, w]` float32; None: not computed.
  """

  logits: np.ndarray
  features: np.ndarray
  maps: np.ndarray | None = None


class Engine(Protocol):
  """What computes a network.

  Attributes:
    name: for the user, such as 'JAX'.
  """

  name: str

  def compile(self, num_slices: int) -> None:
    """Compiles what `scores` needs for maps of so many slices."""

  def scores(
    self, prepared: np.ndarray, *, with_maps: bool, num_slices: int
  ) -> Scores:
    """Returns the scores of slices.

    Args:
      prepared: `[N, S, S, 1]` uint8.
      with_maps: whether maps are computed.
      num_slices: of the scan of which these are a part.
    """
    ...


class JaxEngine:
  """JAX, on the first device of its default kind."""

  name = 'JAX'

  def __init__(
    self, model: ensemble.Model, params: Mapping[str, Any], side: int
  ):
    """Takes the parameters on a device, and the side of the slices."""
    self._model, self._params, self._side = model, params, side

  @functools.cached_property
  def forward(self) -> whole_batches.Forward:
    """Logits and features as a compiled function of params and images."""

    def forward(
      params: Mapping[str, Any], images: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
      logits, intermediates = self._model.apply({'params': params}, images)
      return logits, intermediates['features']

    compiled: whole_batches.Forward = jax.jit(forward)
    return compiled

  def compile(self, num_slices: int) -> None:
    """Compiles what `scores` needs for maps, without running it."""
    batch = whole_batches.size(num_slices)
    # Never read.
    images = np.empty((batch, self._side, self._side, 1), np.float32)
    # JAX keeps the program for the calls that follow.
    class_maps.apply.lower(self._model, self._params, images).compile()

  def scores(
    self, prepared: np.ndarray, *, with_maps: bool, num_slices: int
  ) -> Scores:
    """Returns the scores of slices, as `Engine` says."""
    forward = self.forward
    if with_maps:
      forward = functools.partial(class_maps.apply, self._model)
    images = np.asarray(normalize.to_model_range(prepared))
    return Scores(
      *whole_batches.apply(forward, self._params, images, num_images=num_slices)
    )
