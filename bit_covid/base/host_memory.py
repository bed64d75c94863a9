# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Keeps memory of the host that one step frees for the next step."""

import ctypes
import importlib.util
import sys

import jax

# From glibc's malloc.h: the largest number of arenas, the largest number of
# blocks that are mapped individually, and the size of free memory above which
# it is returned to the system.
_M_ARENA_MAX, _M_MMAP_MAX, _M_TRIM_THRESHOLD = -8, -4, -1
_NEVER = -1


def keep_freed() -> bool:
  """Returns whether glibc keeps freed memory from now on, as it is told to.

  Otherwise glibc returns the memory that XLA frees to the system, which has to
  clear every page again in the next step. That takes a considerable part of a
  training step on a CPU. All three settings are needed.

  Nothing is changed if JAX may use an accelerator, where feature maps are not
  in the host's memory, or if the C library is not glibc. Call this before JAX
  and TensorFlow start threads, as each thread has memory of its own.
  """
  if sys.platform != 'linux' or not _only_cpu():
    return False
  mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
  if mallopt is None:
    return False  # Another C library.
  return all(
    [
      # Arenas other than the first are mapped, and returned, as a whole.
      mallopt(_M_ARENA_MAX, 1),
      mallopt(_M_MMAP_MAX, 0),
      mallopt(_M_TRIM_THRESHOLD, _NEVER),
    ]
  )


def _only_cpu() -> bool:
  """Returns whether JAX can only use the CPU, without initializing JAX."""
  if jax.config.jax_platforms:
    return jax.config.jax_platforms == 'cpu'
  # JAX needs one of these packages for an accelerator.
  return not any(map(importlib.util.find_spec, ('jax_plugins', 'libtpu')))
