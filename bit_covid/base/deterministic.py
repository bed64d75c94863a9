# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Operations that give the same bits each time, on a GPU too.

On a CPU and on a TPU they do so anyway.
"""

import os

import jax

_XLA_FLAG = '--xla_gpu_deterministic_ops=true'


def enable() -> None:
  """Asks XLA for deterministic operations; has no effect once JAX is in use."""
  flags = os.environ.get('XLA_FLAGS', '').split()
  if _XLA_FLAG not in flags:
    os.environ['XLA_FLAGS'] = ' '.join([*flags, _XLA_FLAG])


def check() -> None:
  """Checks that operations are deterministic on the devices in use.

  Raises:
    ValueError: they are GPUs, and XLA was not asked.
  """
  flags = os.environ.get('XLA_FLAGS', '').split()
  if jax.default_backend() == 'gpu' and _XLA_FLAG not in flags:
    raise ValueError(
      'config.deterministic is True, but JAX was started without '
      f'XLA_FLAGS={_XLA_FLAG}. Set it before the first use of JAX, or train '
      'with `python -m bit_covid.main`, which sets it.'
    )
