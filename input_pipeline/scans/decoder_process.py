# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The program that `decoder` runs to decode compressed pixels.

It is run by its path and imports nothing of this package, which would load
TensorFlow. It reads one line of JSON per slice and answers with one line of
JSON and the pixels.
"""

import json
import os
import sys
from typing import Any
import warnings

import numpy as np
import pydicom.pixels

# The limit of its memory. A slice needs megabytes, but a damaged header may ask
# for any amount.
_MAX_MEMORY_BYTES = 8 << 30


def main() -> None:
  """Answers requests until the input ends."""
  # Moves standard output elsewhere, so that nothing the decoders print gets
  # between the answers.
  answers = os.fdopen(os.dup(1), 'wb')
  os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
  _limit_memory()
  warnings.simplefilter('ignore')
  for line in sys.stdin:
    request = json.loads(line)
    try:
      pixels = _decode(**request)
      head = {'dtype': pixels.dtype.str, 'shape': pixels.shape}
      content = pixels.tobytes()
    # A decoder can raise anything. What it says is of no use to the user.
    except Exception:
      head, content = {}, b''
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


def _limit_memory() -> None:
  try:
    # Imported here because Windows has no such module.
    import resource
  except ImportError:
    return
  resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))


if __name__ == '__main__':
  main()
