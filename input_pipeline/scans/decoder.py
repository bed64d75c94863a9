# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Decodes JPEG, JPEG-LS, JPEG 2000 and RLE pixels in a process of its own.

The decoders are written in C and C++, and a damaged JPEG-LS slice can crash
them. Here that ends only the other process: the program goes on and knows which
slice it was.
"""

import atexit
import contextlib
import json
import pathlib
import signal
import subprocess
import sys
import threading
from typing import Any

import numpy as np

from input_pipeline.scans import budget as budget_lib
from input_pipeline.scans import limits

# A decoder that waits for a disk uses no processor time, so it is ended after
# this time as well. Starting it can take seconds on a busy machine.
_TIMEOUT_SECONDS = 60.0
# Ends a process that took too long. Windows has no such signal.
_TOO_SLOW = getattr(signal, 'SIGPROF', signal.SIGTERM)


class TooSlowError(ValueError):
  """Decoding a slice takes longer than it may."""


class _Decoder:
  """The decoding process. It is started when needed, and again if it ended."""

  def __init__(self):
    self._lock = threading.Lock()
    self._process: subprocess.Popen | None = None

  def decode(self, request: dict[str, Any]) -> tuple[np.ndarray | None, float]:
    """Returns the values, None if they are damaged, and the seconds it took.

    Raises:
      TooSlowError: it took longer than the request allows.
      ValueError: the decoder crashed.
    """
    with self._lock:
      # Tried twice, as something else may have ended the process.
      for _ in range(2):
        try:
          return self._try(request)
        except (OSError, EOFError) as error:
          if self.stop() == -_TOO_SLOW:
            raise TooSlowError from error
        # Also after Ctrl+C, as the answer would be taken for the next slice's.
        except BaseException:
          self.stop()
          raise
    raise ValueError('the decoder broke off')

  def stop(self) -> int | None:
    """Ends the process.

    Returns:
      Its exit code; None if there is no process.
    """
    process, self._process = self._process, None
    if process is None:
      return None
    process.kill()
    with contextlib.suppress(OSError):  # A request may be half sent.
      process.stdin.close()
    process.stdout.close()
    return process.wait()

  def _start(self) -> None:
    program = pathlib.Path(__file__).with_name('decoder_process.py')
    self._process = subprocess.Popen(
      # -P keeps the modules beside it from hiding others of the same name.
      [sys.executable, '-P', str(program), str(limits.DECODER_BYTES)],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      bufsize=-1,
    )

  def _try(self, request: dict[str, Any]) -> tuple[np.ndarray | None, float]:
    if self._process is None:
      self._start()
    timer = threading.Timer(
      _TIMEOUT_SECONDS, self._process.send_signal, (_TOO_SLOW,)
    )
    timer.start()
    try:
      return self._ask(request)
    finally:
      timer.cancel()

  def _ask(self, request: dict[str, Any]) -> tuple[np.ndarray | None, float]:
    self._process.stdin.write(json.dumps(request).encode() + b'\n')
    self._process.stdin.flush()
    line = self._process.stdout.readline()
    if not line:
      raise EOFError
    head = json.loads(line)
    if 'shape' not in head:
      return None, head['seconds']
    dtype, shape = np.dtype(head['dtype']), tuple(head['shape'])
    size = dtype.itemsize * int(np.prod(shape))
    content = self._process.stdout.read(size)
    if len(content) < size:
      raise EOFError
    return np.frombuffer(content, dtype).reshape(shape), head['seconds']


_decoder = _Decoder()
atexit.register(_decoder.stop)


def decode(budget: budget_lib.Budget, **request: Any) -> np.ndarray:
  """Returns the stored values of a frame, `[H, W]`.

  Args:
    budget: that of the call, of which the time is used up.
    **request: path, offset of the pixel data, their transfer syntax, index of
      the frame and pydicom's options, as decoder_process.py takes them.

  Raises:
    TooSlowError: it takes too long.
    ValueError: the values are damaged, or the decoder crashed.
  """
  seconds = budget.slice_seconds()
  try:
    values, used = _decoder.decode({'seconds': seconds, **request})
  except TooSlowError as error:
    budget.take_seconds(seconds)
    raise TooSlowError(
      f'decoding it takes more than {seconds:g} s of processor time; export '
      'the file again'
    ) from error
  budget.take_seconds(used)
  if values is None:
    raise ValueError('the decoder refuses them')
  return values
