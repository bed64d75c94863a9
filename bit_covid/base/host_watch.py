# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Hosts of one run start together, and none waits for one that is gone.

JAX alone would let the others wait for minutes and abort them with a trace of
its C++ code. Here each host keeps a connection to the first one. The kernel
closes it however a process ends, so all know at once who is gone, and each ends
with one line that names it.

The first host listens on the coordinator's port. JAX's own coordinator is
behind the same port: a host that loses its connection to it is aborted by JAX
at once, so a relay on every host holds that connection open until the line is
said.

Uses the standard library alone. All methods with an underscore run in the
thread of the event loop.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
import concurrent.futures
import contextlib
import json
import os
import socket
import sys
import threading
from typing import Any, NamedTuple

_LOOPBACK = '127.0.0.1'
_RELAY = b'relay\n'
_GO_ON = (
  'Give the same command on all hosts again: the run goes on from its last '
  'checkpoint.'
)
# Seconds between two tries to reach a host.
_BETWEEN_TRIES = 0.2
# Seconds for the work of a host to end by itself after another one is gone.
_GRACE = 5
# A machine that was switched off closes no connection; after these seconds
# without an answer, and as many more as the probes take, the kernel does.
_SECONDS_BEFORE_PROBES, _SECONDS_BETWEEN_PROBES, _PROBES = 15, 5, 3


class HostsError(Exception):
  """Another host has ended, is missing, or is not like this one."""

  def __init__(self, text: str, exit_code: int = 1):
    super().__init__(text)
    self.exit_code = exit_code


class Place(NamedTuple):
  """The place of this host among all: `index` counts from 0.

  The address, `name:port`, is that of host 0.
  """

  address: str
  count: int
  index: int


class HostWatch:
  """Connects the hosts and watches them, in a thread of its own."""

  def __init__(
    self, place: Place, *, facts: Mapping[str, str], start_seconds: float
  ):
    """Begins to connect.

    The facts, such as versions, have to be the same on all hosts. Each host has
    to start within `start_seconds`.
    """
    self._place = place
    self._facts = dict(facts)
    self._start_seconds = start_seconds
    self._name = socket.gethostname()
    self._names = {place.index: self._name}
    # Connections to all hosts on the first host, to the first on the others.
    self._writers: dict[int, asyncio.StreamWriter] = {}
    self._relays: list[asyncio.StreamWriter] = []
    self._followed: set[asyncio.Task[None]] = set()
    self._verdict: HostsError | None = None
    self._is_leaving = False
    self._done: set[int] = set()
    self._all_joined = concurrent.futures.Future()
    self._all_done = concurrent.futures.Future()
    # Where JAX on this host finds its coordinator, on the first host itself or
    # through the relay.
    self._jax_port = _free_port() if place.index == 0 else 0
    self._loop = asyncio.new_event_loop()
    threading.Thread(target=self._loop.run_forever, daemon=True).start()
    start = self._serve() if place.index == 0 else self._join()
    self._starting = asyncio.run_coroutine_threadsafe(start, self._loop)

  def wait_for_all(self) -> str:
    """Returns the address for JAX's coordinator, once all hosts have started.

    Raises:
      HostsError: one did not start in time, or is not like the others.
    """
    self._all_joined.result()
    return f'{_LOOPBACK}:{self._jax_port}'

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
    left = asyncio.run_coroutine_threadsafe(
      self._leave(reason, exit_code), self._loop
    )
    return left.result()

  async def _leave(self, reason: str, exit_code: int) -> HostsError | None:
    verdict = self._verdict
    host = self._format(self._place.index)
    self._end(f'{host} has stopped: {reason[:2000]} {_GO_ON}', exit_code)
    if self._followed and self._place.index == 0:
      # The first host goes last, as the others hear from each other through it.
      await asyncio.wait(self._followed, timeout=2 * _GRACE)
    for writer in self._writers.values():
      with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.drain(), _GRACE)
    return verdict

  def _format(self, index: int) -> str:
    name = self._names.get(index)
    return f'Host {index} ({name})' if name else f'Host {index}'

  def _end(self, text: str, exit_code: int = 1) -> None:
    """Ends the run on all hosts, with the first text that was given."""
    if self._verdict:
      return
    self._verdict = HostsError(text, exit_code)
    for writer in self._writers.values():
      _send(writer, {'end': text, 'exit_code': exit_code})
    for future in (self._all_joined, self._all_done):
      if not future.done():
        future.set_exception(self._verdict)
    self._loop.call_later(_GRACE, self._exit)

  def _exit(self) -> None:
    # The work waits for the lost host inside JAX and cannot be interrupted.
    if not self._is_leaving:
      print(f'Error: {self._verdict}', file=sys.stderr, flush=True)
      sys.stdout.flush()
      os._exit(self._verdict.exit_code)

  def _note_done(self, index: int) -> None:
    self._done.add(index)
    is_first = self._place.index == 0
    if not is_first or len(self._done) == self._place.count:
      for writer in self._writers.values():
        _send(writer, {'done': True})
    if is_first and len(self._done) == self._place.count:
      self._all_done.set_result(None)

  async def _serve(self) -> None:
    """Listens on the first host."""
    port = self._place.address.rpartition(':')[2]
    deadline = self._loop.time() + self._start_seconds
    while True:
      try:
        await asyncio.start_server(self._welcome, port=int(port))
        break
      except OSError as error:
        # A run that is just ending may use it still.
        if self._loop.time() > deadline:
          self._end(f'Port {port} cannot be used: {error}. Choose another one.')
          return
        await asyncio.sleep(_BETWEEN_TRIES)
    await asyncio.sleep(deadline - self._loop.time())
    missing = [
      f'host {x}' for x in range(self._place.count) if x not in self._names
    ]
    if missing:
      names = ', '.join(self._format(x) for x in sorted(self._names))
      self._end(
        f'Not started within {self._start_seconds:g} s: {", ".join(missing)}. '
        f'There are: {names}. Give the command on all hosts within that time.'
      )

  async def _welcome(
    self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
  ) -> None:
    try:
      first = await asyncio.wait_for(reader.readline(), _GRACE)
      if first == _RELAY:
        await _relay(reader, writer, _LOOPBACK, self._jax_port)
        writer.close()
        return
      hello = json.loads(first)
      index, count = int(hello['index']), int(hello['count'])
      name, facts = str(hello['name']), dict(hello['facts'])
    except (OSError, TimeoutError, ValueError, KeyError, TypeError):
      writer.close()  # Another program.
      return
    is_free = index in range(self._place.count) and index not in self._names
    if self._verdict or not is_free:
      # Perhaps of the next start of a run that is just ending.
      writer.close()
      return
    self._names[index] = name
    self._writers[index] = writer
    if problem := self._compare(index, count, facts):
      self._end(problem)
    elif len(self._names) == self._place.count:
      for other in self._writers.values():
        _send(other, {'names': self._names})
      self._all_joined.set_result(None)
    await self._follow(reader, index)

  def _compare(
    self, index: int, count: int, facts: Mapping[str, Any]
  ) -> str | None:
    """Returns in what a host differs from this one, the first."""
    own = {'--num_processes': str(self._place.count), **self._facts}
    other = {'--num_processes': str(count), **facts}
    different = [
      f'{key} is {own.get(key)} on {self._format(0)} and {other.get(key)} on '
      f'{self._format(index)}'
      for key in own | other
      if own.get(key) != other.get(key)
    ]
    if different:
      return f'{"; ".join(different)}. All hosts have to be alike.'
    return None

  async def _join(self) -> None:
    """Connects another host than the first one."""
    relay = await asyncio.start_server(self._open_relay, _LOOPBACK, 0)
    self._jax_port = relay.sockets[0].getsockname()[1]
    deadline = self._loop.time() + self._start_seconds
    hello = {
      'index': self._place.index,
      'count': self._place.count,
      'name': self._name,
      'facts': self._facts,
    }
    while self._loop.time() < deadline:
      with contextlib.suppress(OSError, TimeoutError):
        reader, self._writers[0] = await asyncio.wait_for(
          asyncio.open_connection(*self._address()), self._start_seconds
        )
        _send(self._writers[0], hello)
        await self._follow(reader, 0)
      if self._all_joined.done():
        return
      await asyncio.sleep(_BETWEEN_TRIES)
    self._end(
      f'Host 0 at {self._place.address} has not let host {self._place.index} '
      f'in for {self._start_seconds:g} s. Give the command on all hosts within '
      'that time, each with another --process_id.'
    )

  def _address(self) -> tuple[str, int]:
    name, _, port = self._place.address.rpartition(':')
    return name.strip('[]'), int(port)

  async def _open_relay(
    self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
  ) -> None:
    # Never closed: JAX would abort this process before the line is said.
    self._relays.append(writer)
    with contextlib.suppress(OSError):
      await _relay(reader, writer, *self._address(), first=_RELAY)

  async def _follow(self, reader: asyncio.StreamReader, index: int) -> None:
    """Waits for messages of another host, until its connection ends."""
    self._followed.add(asyncio.current_task())
    _probe(self._writers[index].get_extra_info('socket'))
    async for message in _messages(reader):
      if 'end' in message:
        self._end(message['end'], message['exit_code'])
      elif 'names' in message:
        self._names = {int(x): name for x, name in message['names'].items()}
        self._all_joined.set_result(None)
      elif self._place.index == 0:
        self._note_done(index)
      elif not self._all_done.done():
        self._all_done.set_result(None)
    self._followed.discard(asyncio.current_task())
    is_refused = index == 0 and not self._all_joined.done()
    if not is_refused and not self._all_done.done():
      self._end(
        f'{self._format(index)} is gone: it was killed or lost its network. '
        f'{_GO_ON}'
      )


async def _messages(
  reader: asyncio.StreamReader,
) -> AsyncIterator[dict[str, Any]]:
  with contextlib.suppress(OSError, ValueError):
    while line := await reader.readline():
      yield json.loads(line)


def _send(writer: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
  writer.write(f'{json.dumps(message)}\n'.encode())


async def _relay(
  reader: asyncio.StreamReader,
  writer: asyncio.StreamWriter,
  *address: str | int,
  first: bytes = b'',
) -> None:
  """Copies between a connection and a new one, until either ends."""
  reader_there, writer_there = await asyncio.open_connection(*address)
  writer_there.write(first)
  copies = [
    asyncio.create_task(_copy(reader, writer_there)),
    asyncio.create_task(_copy(reader_there, writer)),
  ]
  await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
  writer_there.close()


async def _copy(
  reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
  with contextlib.suppress(OSError):
    while data := await reader.read(1 << 16):
      writer.write(data)
      await writer.drain()


def _probe(connection: socket.socket) -> None:
  """Lets the kernel end the connection if the other machine is gone."""
  connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
  for option, value in (
    (socket.TCP_KEEPIDLE, _SECONDS_BEFORE_PROBES),
    (socket.TCP_KEEPINTVL, _SECONDS_BETWEEN_PROBES),
    (socket.TCP_KEEPCNT, _PROBES),
  ):
    connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _free_port() -> int:
  with socket.socket() as free:
    free.bind((_LOOPBACK, 0))
    return free.getsockname()[1]
