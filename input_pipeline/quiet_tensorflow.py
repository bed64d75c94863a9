# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""TensorFlow, started on the CPU alone and without lines on the terminal.

    from input_pipeline.quiet_tensorflow import tf

Whoever needs TensorFlow imports it from here, as the first import decides how
it starts.
"""

from collections.abc import Iterator
import contextlib
import os
import shutil
import sys
import tempfile

# What TensorFlow itself and XLA in JAX go by. With 0, nothing is hidden.
_LEVEL = 'TF_CPP_MIN_LOG_LEVEL'
_STDERR = 2


@contextlib.contextmanager
def _hidden_stderr() -> Iterator[None]:
  """Hides what is written to standard error, unless the block fails.

  While its libraries are loaded, TensorFlow 2.21 writes half a dozen lines on
  the processor and on missing GPUs, whatever the level. They come from C++, so
  the file descriptor itself is what has to be redirected.
  """
  if os.environ.setdefault(_LEVEL, '3') == '0' or sys.stderr is None:
    yield
    return
  sys.stderr.flush()
  before = os.dup(_STDERR)
  with tempfile.TemporaryFile() as hidden:
    os.dup2(hidden.fileno(), _STDERR)
    try:
      yield
    except Exception:
      hidden.seek(0)
      with open(before, 'wb', closefd=False) as stderr:
        shutil.copyfileobj(hidden, stderr)
      raise
    finally:
      sys.stderr.flush()
      os.dup2(before, _STDERR)
      os.close(before)


with _hidden_stderr():
  import tensorflow as tf

  # Before TensorFlow uses an accelerator: it would reserve the memory, which
  # JAX needs.
  for _kind in ('GPU', 'TPU'):
    tf.config.set_visible_devices([], _kind)

__all__ = ['tf']
