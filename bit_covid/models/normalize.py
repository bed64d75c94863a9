# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""From gray values to the range that BiT's weights expect."""

from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np

_Array = TypeVar('_Array', np.ndarray, jax.Array)


def to_model_range(images: _Array) -> _Array:
  """Returns uint8 images as float32 in [-1, 1]: (x - 127.5) / 127.5.

  The range of `input_pipeline_tf2_or_jax.py` of BiT. Done on the device, so
  that one byte a pixel crosses the bus; gray stays one channel, which the
  network takes for three equal ones.
  """
  return (images.astype(jnp.float32) - 127.5) / 127.5
