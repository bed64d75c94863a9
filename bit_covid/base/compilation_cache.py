# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Keeps compiled programs between starts, in a folder of the user's own."""

import contextlib
import hashlib
import os
import pathlib
import platform
import stat

from absl import logging
import filelock
import jax
import platformdirs

# Bytes; the programs that were not used for longest go first.
_MOST_BYTES = 2 * 1024**3
# Seconds of compiling that are worth a file.
_LEAST_SECONDS = 0.5


def enable() -> pathlib.Path | None:
  """Returns the folder in which JAX keeps what it compiles from now on.

  A folder that was set before, as by JAX_COMPILATION_CACHE_DIR, stays. None: it
  cannot be made, or others can write to it or to a folder above it, and their
  programs would be run.
  """
  if jax.config.jax_compilation_cache_dir:
    return pathlib.Path(jax.config.jax_compilation_cache_dir)
  folder = platformdirs.user_cache_path('bit_covid') / 'xla' / _machine()
  try:
    # Not by `parents=True`, which leaves parents open to the user's group where
    # the umask does.
    for parent in (*reversed(folder.parents), folder):
      if not parent.exists():
        parent.mkdir(mode=0o700, exist_ok=True)
    # Resolved, as a link could be turned elsewhere later.
    folder = folder.resolve()
    others = _open_to_others(folder)
  except OSError:
    return None  # A home that cannot be written to is no reason to stop.
  if others is not None:
    logging.warning(
      'Compiled programs are not kept, as others than you can write to %s.',
      others,
    )
    return None
  _remove_unfinished(folder)
  jax.config.update('jax_compilation_cache_dir', str(folder))
  jax.config.update('jax_compilation_cache_max_size', _MOST_BYTES)
  jax.config.update(
    'jax_persistent_cache_min_compile_time_secs', _LEAST_SECONDS
  )
  return folder


def _remove_unfinished(folder: pathlib.Path) -> None:
  """Removes programs whose process was killed while it wrote them.

  JAX would warn of them at each start and keep no program any more. It writes
  the time of use of a program last, so these have none.
  """
  # JAX writes while it holds this lock. A folder that cannot be written to, or
  # that others write to for long, stays as it is.
  with (
    contextlib.suppress(OSError),
    filelock.FileLock(folder / '.lockfile', timeout=10),
  ):
    for program in folder.glob('*-cache'):
      name = program.name.removesuffix('-cache')
      if not program.with_name(f'{name}-atime').exists():
        program.unlink()


def _open_to_others(folder: pathlib.Path) -> pathlib.Path | None:
  """Returns the first of the folder and its parents that others can change.

  Up to the user's home or the root, as OpenSSH looks at the files of a login.
  In a folder with the sticky bit, such as /tmp, they cannot change what is the
  user's.
  """
  if not hasattr(os, 'getuid'):
    return None  # Windows: a user's folders are closed to others.
  home = pathlib.Path(os.path.expanduser('~')).resolve()
  for path in (folder, *folder.parents):
    status = path.stat()
    is_shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    is_sticky = path != folder and status.st_mode & stat.S_ISVTX
    if status.st_uid not in (os.getuid(), 0) or (is_shared and not is_sticky):
      return path
    if path == home:
      break
  return None


def _machine() -> str:
  """Returns a name for machines that run the same programs as well as this."""
  # Machines that share a home may differ, and a program would crash on another.
  text = f'{platform.machine()} {platform.processor()}'
  # XLA divides the work among the cores it may use. A program that was compiled
  # for one core, as in a job of a cluster, would stay on one.
  text += f' {usable_cores()}'
  cpus = pathlib.Path('/proc/cpuinfo')
  if cpus.exists():
    lines = cpus.read_text().splitlines()
    # x86 and ARM.
    kinds = ('model name', 'flags', 'Features', 'CPU part')
    text += '\n'.join(sorted({x for x in lines if x.startswith(kinds)}))
  return hashlib.sha256(text.encode()).hexdigest()[:16]


def usable_cores() -> int:
  """Returns the number of cores that this process may use."""
  if hasattr(os, 'sched_getaffinity'):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1  # macOS and Windows.
