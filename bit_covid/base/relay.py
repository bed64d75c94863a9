# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Passes on what comes over a connection, with asyncio."""

import asyncio
import contextlib

_SECONDS_BETWEEN_TRIES = 0.2


async def relay(
  reader: asyncio.StreamReader,
  writer: asyncio.StreamWriter,
  host: str,
  port: int,
  *,
  first: bytes = b'',
) -> None:
  """Copies between a connection and a new one, until either of them ends.

  A server that does not listen yet is tried again. The given connection is left
  open. `first` precedes what is sent over the new one.
  """
  reader_there, writer_there = await _open(host, port)
  writer_there.write(first)
  copies = [
    asyncio.create_task(_copy(reader, writer_there)),
    asyncio.create_task(_copy(reader_there, writer)),
  ]
  await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
  writer_there.close()


async def _open(
  host: str, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
  while True:
    try:
      return await asyncio.open_connection(host, port)
    except OSError:
      await asyncio.sleep(_SECONDS_BETWEEN_TRIES)


async def _copy(
  reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
  with contextlib.suppress(OSError):
    while data := await reader.read(1 << 16):
      writer.write(data)
      await writer.drain()
