# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Hosts of one run start together, and none waits for one that is gone.

JAX alone would let the others wait for minutes and abort them with a trace of
its C++ code. Here each host keeps a connection to the first one. The kernel
closes it however a process ends, so all know at once who is gone, and each ends
with one line that names it.

The first host listens on the coordinator's port, and JAX's own coordinator is
behind the same port. JAX aborts a process that loses its connection to it, so a
relay on every other host keeps that connection open until the line is said.

Uses the standard library alone. Methods with an underscore run in the thread of
the event loop. How the hosts connect is in `host_start`.
"""

import abc
import asyncio
from collections.abc import Mapping
import concurrent.futures
import contextlib
import json
import os
import socket
import sys
import threading
from typing import Any, NamedTuple

from bit_covid.base import lines

LOOPBACK = '127.0.0.1'
_GO_ON = (
  'Give the same command on all hosts again: the run goes on from its last '
  'checkpoint.'
)
# For the work of a host to end by itself after another host is gone.
_SECONDS_OF_GRACE = 5
# A machine that was switched off closes no connection. After so many seconds
# without a word the kernel probes it, and closes the connection if so many
# probes get no answer.
_KEEPALIVE = {
  socket.TCP_KEEPIDLE: 15,
  socket.TCP_KEEPINTVL: 5,
  socket.TCP_KEEPCNT: 3,
}


class HostsError(Exception):
  """Another host is missing or has ended; the text says which and why."""

  def __init__(self, text: str, exit_code: int = 1):
    super().__init__(text)
    self.exit_code = exit_code


class Place(NamedTuple):
  """The place of a host among all: `index` counts from 0.

  The address, `name:port`, is that of host 0.
  """

  address: str
  count: int
  index: int


class HostWatch(abc.ABC):
  """Watches the hosts, in a thread of its own."""

  def __init__(self, place: Place, *, start_seconds: float):
    """Begins to connect; each host has to do so within `start_seconds`."""
    self._place = place
    self._start_seconds = start_seconds
    self._names = {place.index: socket.gethostname()}
    # On the first host, connections to all others; on the others, to the first.
    self._writers: dict[int, asyncio.StreamWriter] = {}
    self._verdict: HostsError | None = None
    self._is_leaving = False
    self._done: set[int] = set()
    self._all_joined = concurrent.futures.Future()
    self._all_done = concurrent.futures.Future()
    # Where JAX on this host finds its coordinator.
    self._jax_port = 0
    self._loop = asyncio.new_event_loop()
    threading.Thread(target=self._loop.run_forever, daemon=True).start()
    # Kept, as the loop would let Python delete it.
    self._connecting = asyncio.run_coroutine_threadsafe(
      self._connect_or_end(), self._loop
    )

  async def _connect_or_end(self) -> None:
    try:
      await self._connect()
    except Exception as error:  # Any would leave the hosts waiting for ever.
      self._end(
        f'--coordinator={self._place.address} cannot be used: {error}. Give '
        'host and port of the first host.'
      )

  @abc.abstractmethod
  async def _connect(self) -> None:
    """Connects with the other hosts, and sets `_jax_port`."""

  def wait_for_all(self) -> str:
    """Returns the address for JAX's coordinator, once all hosts have started.

    Raises:
      HostsError: one did not start in time.
    """
    self._all_joined.result()
    return f'{LOOPBACK}:{self._jax_port}'

  def finish(self) -> None:
    """Returns once the work of all hosts is done.

    Raises:
      HostsError: another host has ended before.
    """
    self._loop.call_soon_threadsafe(self._note_done, self._place.index)
    self._all_done.result()
    self._is_leaving = True

  def leave(
    self, reason: str, *, exit_code: int, patience: float
  ) -> HostsError | None:
    """Tells the other hosts why this one ends, unless another one has ended.

    Args:
      reason: one sentence.
      exit_code: that of this process.
      patience: seconds to wait for news of another host.

    Returns:
      Why another host has ended; None if none has.
    """
    self._is_leaving = True
    with contextlib.suppress(TimeoutError, HostsError):
      self._all_done.result(timeout=patience)
    left = self._leave(reason, exit_code)
    return asyncio.run_coroutine_threadsafe(left, self._loop).result()

  async def _leave(self, reason: str, exit_code: int) -> HostsError | None:
    verdict = self._verdict
    host = self._format(self._place.index)
    self._end(f'{host} has stopped: {reason[:2000]} {_GO_ON}', exit_code)
    return verdict

  def _end(self, text: str, exit_code: int = 1) -> None:
    """Ends the run on all hosts; the first text that was given is said."""
    if self._verdict:
      return
    self._verdict = HostsError(text, exit_code)
    self._send({'end': text, 'exit_code': exit_code})
    for future in (self._all_joined, self._all_done):
      if not future.done():
        future.set_exception(self._verdict)
    self._loop.call_later(_SECONDS_OF_GRACE, self._exit)

  def _exit(self) -> None:
    # The work waits for the host inside JAX, where nothing can interrupt it.
    if not self._is_leaving:
      lines.say(f'Error: {self._verdict}', sys.stderr)
      sys.stdout.flush()
      os._exit(self._verdict.exit_code)

  def _send(self, message: Mapping[str, Any]) -> None:
    for writer in self._writers.values():
      writer.write(f'{json.dumps(message)}\n'.encode())

  def _format(self, index: int) -> str:
    name = self._names.get(index)
    return f'Host {index} ({name})' if name else f'Host {index}'

  def _note_done(self, index: int) -> None:
    """Notes that the work of a host is done; the first knows of all hosts."""
    self._done.add(index)
    # If the run was ended meanwhile, the end stays.
    is_all = self._place.count == len(self._done) and not self._verdict
    if self._place.index or is_all:
      self._send({'done': index})
    if is_all:
      self._all_done.set_result(None)

  async def _follow(self, reader: asyncio.StreamReader, index: int) -> None:
    """Follows the messages of another host, until its connection ends."""
    connection = self._writers[index].get_extra_info('socket')
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE.items():
      connection.setsockopt(socket.IPPROTO_TCP, option, value)
    with contextlib.suppress(OSError, ValueError):
      while line := await reader.readline():
        message = json.loads(line)
        if 'names' in message:
          self._names = {int(x): name for x, name in message['names'].items()}
          self._all_joined.set_result(None)
        elif 'end' in message:
          self._end(message['end'], message['exit_code'])
        elif not self._place.index:
          self._note_done(index)
        else:
          self._all_done.set_result(None)
    was_let_in = not self._place.index or self._all_joined.done()
    if was_let_in and not self._all_done.done():
      self._end(
        f'{self._format(index)} is gone: it was killed or lost its network. '
        f'{_GO_ON}'
      )
