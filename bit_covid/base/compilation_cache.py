# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Keeps compiled programs between starts, in a folder of the user's own."""

import hashlib
import os
import pathlib
import platform
import stat

import jax
import platformdirs

# Bytes; the programs that were not used for longest go first.
_MOST_BYTES = 2 * 1024**3
# Seconds of compiling that are worth a file.
_LEAST_SECONDS = 0.5


def enable() -> pathlib.Path | None:
  """Returns the folder in which JAX keeps what it compiles from now on.

  A folder that was set before, as by JAX_COMPILATION_CACHE_DIR, stays. None: it
  cannot be made, or others can write to it, whose programs would be run.
  """
  if jax.config.jax_compilation_cache_dir:
    return pathlib.Path(jax.config.jax_compilation_cache_dir)
  folder = platformdirs.user_cache_path('bit_covid') / 'xla' / _machine()
  try:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
  except OSError:
    return None  # A home that cannot be written to is no reason to stop.
  if not _is_private(folder):
    return None
  jax.config.update('jax_compilation_cache_dir', str(folder))
  jax.config.update('jax_compilation_cache_max_size', _MOST_BYTES)
  jax.config.update(
    'jax_persistent_cache_min_compile_time_secs', _LEAST_SECONDS
  )
  return folder


def _is_private(folder: pathlib.Path) -> bool:
  """Returns whether nobody but the user can write to the folder."""
  if not hasattr(os, 'getuid'):
    return True  # Windows: a user's folders are closed to others.
  status = folder.stat()
  others = stat.S_IWGRP | stat.S_IWOTH
  return status.st_uid == os.getuid() and not status.st_mode & others


def _machine() -> str:
  """Returns a name for machines that run the same instructions."""
  # Machines that share a home may differ, and a program would crash on another.
  text = f'{platform.machine()} {platform.processor()}'
  cpus = pathlib.Path('/proc/cpuinfo')
  if cpus.exists():
    lines = cpus.read_text().splitlines()
    # x86 and ARM.
    kinds = ('model name', 'flags', 'Features', 'CPU part')
    text += '\n'.join(sorted({x for x in lines if x.startswith(kinds)}))
  return hashlib.sha256(text.encode()).hexdigest()[:16]
