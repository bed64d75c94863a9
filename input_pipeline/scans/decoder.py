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
import subprocess
import sys
import threading
from typing import Any

import numpy as np

# Decoding a slice takes milliseconds, but starting the process can take seconds
# on a busy machine.
_TIMEOUT_SECONDS = 60.0


class _Decoder:
  """The decoding process. It is started when needed, and again if it ended."""

  def __init__(self):
    self._lock = threading.Lock()
    self._process: subprocess.Popen | None = None

  def decode(self, request: dict[str, Any]) -> np.ndarray:
    with self._lock:
      # Tried twice, as something else may have ended the process.
      for _ in range(2):
        try:
          return self._try(request)
        except (OSError, EOFError):
          self.stop()
    raise ValueError('the decoder broke off')

  def stop(self) -> None:
    if self._process is not None:
      self._process.kill()
      with contextlib.suppress(OSError):  # A request may be half sent.
        self._process.stdin.close()
      self._process.stdout.close()
      self._process.wait()
      self._process = None

  def _start(self) -> None:
    program = pathlib.Path(__file__).with_name('decoder_process.py')
    self._process = subprocess.Popen(
      # -P keeps the modules beside it from hiding others of the same name.
      [sys.executable, '-P', str(program)],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=subprocess.DEVNULL,
      bufsize=-1,
    )

  def _try(self, request: dict[str, Any]) -> np.ndarray:
    if self._process is None:
      self._start()
    timer = threading.Timer(_TIMEOUT_SECONDS, self._process.kill)
    timer.start()
    try:
      return self._ask(request)
    finally:
      timer.cancel()

  def _ask(self, request: dict[str, Any]) -> np.ndarray:
    self._process.stdin.write(json.dumps(request).encode() + b'\n')
    self._process.stdin.flush()
    line = self._process.stdout.readline()
    if not line:
      raise EOFError
    head = json.loads(line)
    if not head:
      raise ValueError('the decoder refuses them')
    dtype, shape = np.dtype(head['dtype']), tuple(head['shape'])
    size = dtype.itemsize * int(np.prod(shape))
    content = self._process.stdout.read(size)
    if len(content) < size:
      raise EOFError
    return np.frombuffer(content, dtype).reshape(shape)


_decoder = _Decoder()
atexit.register(_decoder.stop)


def decode(**request: Any) -> np.ndarray:
  """Returns the stored values of a frame, `[H, W]`.

  Args:
    **request: path, offset of the pixel data, their transfer syntax, index of
      the frame and pydicom's options, as decoder_process.py takes them.

  Raises:
    ValueError: the values are damaged, or the decoder crashed or took too long.
  """
  return _decoder.decode(request)
