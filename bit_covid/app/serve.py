# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Runs the server until it is interrupted."""

from collections.abc import Collection
import ipaddress
import os
import socket
import sys
import threading
import webbrowser

import uvicorn

from bit_covid.app import limits as limits_lib
from bit_covid.app import server as server_lib
from bit_covid.app import sessions as sessions_lib
from bit_covid.inference import network as network_lib


class PageServer(uvicorn.Server):
  """A server that tells its pages when it ends."""

  def __init__(
    self,
    classifier: network_lib.Network,
    *,
    limits: limits_lib.Limits,
    hosts: Collection[str] = (),
    score_flagged: bool = False,
    debug: bool = False,
  ):
    """Creates the server; the arguments are those of `server.create`."""
    self.sessions = sessions_lib.Sessions(limits)
    app = server_lib.create(
      classifier,
      self.sessions,
      hosts=hosts,
      score_flagged=score_flagged,
      debug=debug,
    )
    config = uvicorn.Config(
      app,
      http='h11',
      ws='none',
      lifespan='on',
      # Addresses hold tokens: no line for each of them.
      access_log=False,
      log_level='warning',
      server_header=False,
      timeout_graceful_shutdown=5,
    )
    super().__init__(config)

  async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
    """Forgets all scans, which ends the pages' connections, then stops."""
    self.sessions.close_all()
    await super().shutdown(sockets)


def run(
  classifier: network_lib.Network,
  listener: socket.socket,
  *,
  limits: limits_lib.Limits,
  hosts: Collection[str] = (),
  score_flagged: bool = False,
  opens_browser: bool = False,
  debug: bool = False,
) -> None:
  """Serves the page, and says where; ends with an interrupt.

  Args:
    classifier: the network.
    listener: a bound socket.
    limits: of uploads and sessions.
    hosts: names under which the server is reached, besides its own.
    score_flagged: as for `score.score`.
    opens_browser: open the page in a browser, where there is a screen.
    debug: as for `worker.Worker`.
  """
  names = [] if is_local(listener) else [socket.gethostname()]
  server = PageServer(
    classifier,
    limits=limits,
    hosts=[*names, *hosts],
    score_flagged=score_flagged,
    debug=debug,
  )
  # From here on, connections wait until they are answered.
  listener.listen()
  url = address(listener)
  print(f'The page: {url}   (Ctrl+C ends it)', flush=True)
  if opens_browser and _has_screen():
    # A browser may take its time to start.
    threading.Thread(target=webbrowser.open, args=[url], daemon=True).start()
  server.run(sockets=[listener])


def _has_screen() -> bool:
  """Returns whether a browser would open in a window, not in the terminal."""
  if sys.platform in ('darwin', 'win32'):
    return True
  return bool(os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY'))


def is_local(listener: socket.socket) -> bool:
  """Returns whether only this machine reaches the socket."""
  return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def address(listener: socket.socket) -> str:
  """Returns the address of the page for a browser."""
  host, port = listener.getsockname()[:2]
  place = ipaddress.ip_address(host)
  if place.is_unspecified:
    host = socket.gethostname()
  elif place.version == 6:
    host = f'[{host}]'
  return f'http://{host}:{port}/'
