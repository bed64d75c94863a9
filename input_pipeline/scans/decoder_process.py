# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The program that `decoder` runs to decode compressed pixels.

It is run by its path and imports nothing of this package, which would load
TensorFlow. It reads one line of JSON per slice and answers with one line of
JSON and the pixels.
"""

import contextlib
import json
import os
import pathlib
import signal
import sys
import time
from typing import Any
import warnings

import numpy as np
import pydicom.pixels


def main() -> None:
  """Answers requests until the input ends.

  The argument is the memory in bytes that it may use beyond what it has at the
  start. A slice needs megabytes, but a damaged header may ask for any amount.
  """
  # Moves standard output elsewhere, so that nothing the decoders print gets
  # between the answers.
  answers = os.fdopen(os.dup(1), 'wb')
  os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
  _limit_memory(int(sys.argv[1]))
  warnings.simplefilter('ignore')
  for line in sys.stdin:
    request = json.loads(line)
    start = time.process_time()
    _limit_time(request.pop('seconds'))
    try:
      pixels = _decode(**request)
      head = {'dtype': pixels.dtype.str, 'shape': pixels.shape}
      content = pixels.tobytes()
    # A decoder can raise anything. What it says is of no use to the user.
    except Exception:
      head, content = {}, b''
    _limit_time(0)
    head['seconds'] = time.process_time() - start
    answers.write(json.dumps(head).encode() + b'\n' + content)
    answers.flush()


def _decode(
  *, path: str, offset: int, syntax: str, index: int, options: dict[str, Any]
) -> np.ndarray:
  """Returns the values of a frame, `[H, W]`, that begin at an offset."""
  with open(path, 'rb') as file:
    file.seek(offset)
    pixels, _ = pydicom.pixels.get_decoder(syntax).as_array(
      file, index=index, raw=True, **options
    )
  return np.ascontiguousarray(pixels)


def _limit_time(seconds: float) -> None:
  """Ends this process after that much processor time; 0: it may go on."""
  # A signal without a handler ends it even within a C library. Windows has no
  # such timer, and the other process stops this one after a minute.
  if hasattr(signal, 'setitimer'):
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _limit_memory(size: int) -> None:
  # Only Linux says how much is used.
  with contextlib.suppress(ImportError, OSError):
    # Imported here because Windows has no such module.
    import resource

    pages = int(pathlib.Path('/proc/self/statm').read_text().split()[0])
    limit = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == '__main__':
  main()
