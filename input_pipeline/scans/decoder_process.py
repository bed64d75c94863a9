# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Decodes packed pixels in a process of its own; see `decoder`.

Run by its path, so that it starts at once: the package loads TensorFlow. It
reads a line of JSON for each slice, and answers with one and the pixels.
"""

import json
import os
import sys
import warnings

import numpy as np
import pydicom.pixels

# Of memory: a slice has megabytes, a damaged header may ask for anything.
_MOST_BYTES = 8 << 30


def main() -> None:
  """Answers until its input ends."""
  # What the decoders print must not get in between.
  answers = os.fdopen(os.dup(1), 'wb')
  os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
  _limit_memory()
  warnings.simplefilter('ignore')
  for line in sys.stdin:
    request = json.loads(line)
    try:
      pixels = np.ascontiguousarray(
        pydicom.pixels.pixel_array(
          request['path'], index=request['index'], raw=True
        )
      )
      head = {'dtype': pixels.dtype.str, 'shape': pixels.shape}
      content = pixels.tobytes()
    # Whatever a decoder ends in is the answer.
    except Exception as error:
      head, content = {'error': type(error).__name__}, b''
    answers.write(json.dumps(head).encode() + b'\n' + content)
    answers.flush()


def _limit_memory() -> None:
  try:
    # Windows has no such module.
    import resource
  except ImportError:
    return
  resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))


if __name__ == '__main__':
  main()
