# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""How the hosts of one run find each other.

    watch = host_start.start(place, start_seconds=60)
    address = watch.wait_for_all()

The first host listens, and the others connect to it.
"""

import asyncio
import contextlib
import re
import socket

from bit_covid.base import host_watch
from bit_covid.base import relay

# The first line of a connection of another host, and of one that is for JAX's
# coordinator.
_HELLO = re.compile(r'host (?P<index>\d+) of (?P<count>\d+) (?P<name>.+)\n')
_FOR_JAX = b'jax\n'
_SECONDS_BETWEEN_TRIES = 0.2
# In which a new connection has to say what it is for.
_SECONDS_TO_INTRODUCE = 5


def start(
  place: host_watch.Place, *, start_seconds: float
) -> host_watch.HostWatch:
  """Returns the watch of this host, which begins to connect."""
  role = _Other if place.index else _First
  return role(place, start_seconds=start_seconds)


class _First(host_watch.HostWatch):
  """The watch of the first host, to which the others connect."""

  async def _connect(self) -> None:
    """Waits for the others, on the first host."""
    with socket.create_server((host_watch.LOOPBACK, 0)) as free:
      self._jax_port = free.getsockname()[1]
    _, port = _address(self._place)
    deadline = self._loop.time() + self._start_seconds
    while True:
      try:
        await asyncio.start_server(self._welcome, port=port)
        break
      except OSError as error:
        # The end of the run before may use it still.
        if self._loop.time() > deadline:
          self._end(f'Port {port} cannot be used: {error}. Choose another one.')
          return
        await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
    await asyncio.sleep(deadline - self._loop.time())
    missing = set(range(self._place.count)) - self._names.keys()
    if missing:
      self._end(
        f'Not started within {self._start_seconds:g} s: '
        f'{", ".join(f"host {x}" for x in sorted(missing))}. There are: '
        f'{", ".join(map(self._format, sorted(self._names)))}. Give the '
        'command on all hosts within that time.'
      )

  async def _welcome(
    self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
  ) -> None:
    """Lets another host in, or connects its JAX with the coordinator."""
    first = b''
    with contextlib.suppress(OSError, TimeoutError, ValueError):
      first = await asyncio.wait_for(reader.readline(), _SECONDS_TO_INTRODUCE)
    hello = _HELLO.fullmatch(first.decode(errors='replace'))
    if first == _FOR_JAX:
      await relay.relay(reader, writer, host_watch.LOOPBACK, self._jax_port)
    elif hello:
      index, count = int(hello['index']), int(hello['count'])
      # If it is there already, this may be the next start of a run that is just
      # ending.
      if index not in self._names and index < count and not self._verdict:
        self._names[index] = hello['name']
        self._writers[index] = writer
        self._count_hosts(index, count)
        await self._follow(reader, index)
    writer.close()

  def _count_hosts(self, index: int, count: int) -> None:
    """Ends the run if a host expects another number, or begins it."""
    if count != self._place.count:
      self._end(
        f'--num_processes is {self._place.count} on {self._format(0)} and '
        f'{count} on {self._format(index)}. Give all hosts the same.'
      )
    elif len(self._names) == count:
      self._send({'names': self._names})
      self._all_joined.set_result(None)


class _Other(host_watch.HostWatch):
  """The watch of another host."""

  async def _connect(self) -> None:
    """Connects to the first host, on another one."""
    self._relayed = []
    server = await asyncio.start_server(
      self._open_relay, host_watch.LOOPBACK, 0
    )
    self._jax_port = server.sockets[0].getsockname()[1]
    index, count = self._place.index, self._place.count
    hello = f'host {index} of {count} {self._names[index]}\n'
    deadline = self._loop.time() + self._start_seconds
    while self._loop.time() < deadline:
      with contextlib.suppress(OSError, TimeoutError):
        reader, self._writers[0] = await asyncio.wait_for(
          asyncio.open_connection(*_address(self._place)), self._start_seconds
        )
        self._writers[0].write(hello.encode())
        await self._follow(reader, 0)
      if self._all_joined.done():
        return
      await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
    self._end(
      f'Host 0 at {self._place.address} has not let host {index} in for '
      f'{self._start_seconds:g} s. Give the command on all hosts within that '
      'time, each with another --process_id.'
    )

  async def _open_relay(
    self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
  ) -> None:
    # Kept, as it would be closed when Python deletes it.
    self._relayed.append(writer)
    name, port = _address(self._place)
    await relay.relay(reader, writer, name, port, first=_FOR_JAX)


def _address(place: host_watch.Place) -> tuple[str, int]:
  name, _, port = place.address.rpartition(':')
  return name.strip('[]'), int(port)
