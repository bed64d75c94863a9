# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Connections of clients, of which none keeps others out.

uvicorn has no limit on the time that a client takes for a request, and keeps as
many connections as come, until no file can be opened any more.
"""

import asyncio
import contextlib
import time
from typing import Any

import h11
from uvicorn.protocols.http import h11_impl

from bit_covid.app import guard
from bit_covid.app import limits as limits_lib


class Connection(h11_impl.H11Protocol):
  """A connection that ends when its client is silent, or makes room."""

  def __init__(
    self, *arguments: Any, limits: limits_lib.Limits, **options: Any
  ):
    """Creates the connection; other arguments are those of uvicorn."""
    super().__init__(*arguments, **options)
    self._limits = limits
    # When the client last sent or took what the server waits for.
    self._since = time.monotonic()
    # Bytes of answers that it has not taken yet.
    self._unsent = 0

  @property
  def _is_answering(self) -> bool:
    return self.cycle is not None and not self.cycle.response_complete

  @property
  def is_receiving(self) -> bool:
    """Whether the server waits for the rest of a request's content."""
    return self._is_answering and self.cycle.more_body

  def connection_made(self, transport: asyncio.Transport) -> None:
    """Ends another connection if there are too many."""
    super().connection_made(transport)
    if len(self.connections) > self._limits.connections:
      others = self.connections - {self}
      # First those without a request, which browsers open again by themselves.
      min(others, key=lambda x: (x._is_answering, x._since)).end()

  def data_received(self, data: bytes) -> None:
    """Handles bytes of a client."""
    # Part of a request's head does not count, or a client could send it byte by
    # byte for ever.
    if self._is_answering:
      self._since = time.monotonic()
    super().data_received(data)

  def on_response_complete(self) -> None:
    """Waits for the next request."""
    self._since = time.monotonic()
    super().on_response_complete()

  def end_if_silent(self) -> None:
    """Ends the connection if its client has been silent for too long."""
    now, unsent = time.monotonic(), self.transport.get_write_buffer_size()
    is_working = self._is_answering and not (
      unsent or (self.is_receiving and not self.flow.read_paused)
    )
    if is_working or unsent != self._unsent:
      self._since, self._unsent = now, unsent
    elif now - self._since > self._limits.silent_after:
      self.end()

  def end(self) -> None:
    """Ends the connection at once; what was not sent is dropped."""
    self.connections.discard(self)
    self.transport.abort()

  def send_400_response(self, msg: str) -> None:
    """Answers what is not HTTP, with the headers of all answers."""
    if self._is_answering:
      self.cycle.disconnected = True  # It says nothing after this.
    headers = {**guard.HEADERS, 'content-type': 'text/plain'}
    answer = (
      h11.Response(
        status_code=400, headers=[*headers.items(), ('connection', 'close')]
      ),
      h11.Data(data=msg.encode()),
      h11.EndOfMessage(),
    )
    # If the request was answered before its content came, nothing is left to
    # say.
    with contextlib.suppress(h11.LocalProtocolError):
      for event in answer:
        self.transport.write(self.conn.send(event))
    self.transport.close()
