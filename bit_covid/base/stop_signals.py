# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Signals that stop: the first asks a program to, the second ends it.

They are SIGINT (Ctrl+C), SIGTERM, SIGQUIT, and SIGHUP, which comes where a
terminal is closed.

Uses the standard library alone, as `base.command` does.
"""

from collections.abc import Callable, Iterator
import contextlib
import os
import signal
import socket
import threading

# Windows has the first two alone.
SIGNALS = tuple(
  getattr(signal, name)
  for name in ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT')
  if hasattr(signal, name)
)
# A terminal that is closed may send it twice, and nobody waits any more.
_NO_SECOND = getattr(signal, 'SIGHUP', None)

# The signals that came and were not answered yet. They are kept because Python
# swallows an exception that a handler raises in a destructor or a callback.
_received: list[int] = []


class Stopped(KeyboardInterrupt):
  """A signal or a time limit ended the work; the text says how far it got.

  Like Ctrl+C, it is no error that a program may catch and go on.
  """

  def __init__(self, signum: int, text: str = ''):
    super().__init__(text)
    # What a shell reports for a program that the signal ended.
    self.exit_code = 128 + signum


def received() -> int:
  """Returns the number of the signal that asked the program to stop, or 0."""
  return _received[0] if _received else 0


def forget() -> None:
  """Makes `received` return 0 until the next signal."""
  _received.clear()


def raise_if_received() -> None:
  """Ends the work if a signal has asked the program to stop.

  Raises:
    Stopped: it has.
  """
  if _received:
    raise Stopped(received())


@contextlib.contextmanager
def handled(on_signal: Callable[[], None]) -> Iterator[None]:
  """Calls `on_signal()` at the first signal within the block.

  After it, and after the block, signals do what they did before. Only the main
  thread can handle signals; in another one the block changes nothing.
  """
  if threading.current_thread() is not threading.main_thread():
    yield
    return
  # A signal that is ignored, as SIGINT under `nohup`, remains so. None is a
  # handler of another language, which Python cannot install again.
  before = {
    signum: signal.getsignal(signum) or signal.SIG_DFL
    for signum in SIGNALS
    if signal.getsignal(signum) != signal.SIG_IGN
  }

  def restore():
    for signum, handler in before.items():
      signal.signal(signum, handler)

  def handle(signum, frame):
    del frame
    _received.append(signum)
    restore()
    if signum == _NO_SECOND:
      signal.signal(signum, signal.SIG_IGN)
    on_signal()

  for signum in before:
    signal.signal(signum, handle)
  try:
    yield
  finally:
    restore()


@contextlib.contextmanager
def second_ends_program() -> Iterator[None]:
  """Ends the program at the second signal within the block, at once.

  Python calls handlers between two instructions only, so while a network
  compiles, which may take minutes, a handler could not do this.
  """
  if threading.current_thread() is not threading.main_thread():
    yield
    return
  reader, writer = socket.socketpair()
  writer.setblocking(False)

  def wait():
    is_asked = False
    while byte := reader.recv(1):
      if is_asked and byte[0] in SIGNALS and byte[0] != _NO_SECOND:
        os._exit(128 + byte[0])
      is_asked |= byte[0] in SIGNALS

  thread = threading.Thread(target=wait, daemon=True)
  thread.start()
  before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
  try:
    yield
  finally:
    signal.set_wakeup_fd(before)
    writer.close()
    thread.join()
    reader.close()
