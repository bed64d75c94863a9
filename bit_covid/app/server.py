# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The server: the page, its files and its endpoints, until an interrupt."""

from collections.abc import AsyncIterator, Collection, Iterator
import contextlib
import functools
import ipaddress
import mimetypes
import os
import pathlib
import socket
import sys
import threading
from typing import Any
import webbrowser

import anyio
import anyio.to_thread
from starlette import applications
from starlette import exceptions
from starlette import requests
from starlette import responses
from starlette import routing
from starlette import staticfiles
import uvicorn

from bit_covid.app import connections
from bit_covid.app import endpoints
from bit_covid.app import guard
from bit_covid.app import limits as limits_lib
from bit_covid.app import session as session_lib
from bit_covid.app import upload
from bit_covid.app import worker as worker_lib
from bit_covid.base import lines
from bit_covid.base import page_templates
from bit_covid.base import stop_signals
from bit_covid.inference import network as network_lib
from input_pipeline.scans import private_folder

# Some Windows registries map .js to text/plain, which browsers do not run.
mimetypes.add_type('text/javascript', '.js')
_HERE = pathlib.Path(__file__).parent
# Seconds between checks for abandoned sessions.
_SWEEP = 2.0
# Of the answer to a request that raises one of these.
_STATUS = {
  session_lib.ClosedError: 404,
  session_lib.FullError: 503,
  upload.RefusedError: 413,
}


class PageServer(uvicorn.Server):
  """A server that tells its pages when it ends."""

  def __init__(
    self,
    classifier: network_lib.Network,
    *,
    limits: limits_lib.Limits,
    hosts: Collection[str] = (),
    score_flagged: bool = False,
    allow_unfamiliar: bool = False,
    debug: bool = False,
  ):
    """Creates the server.

    Args:
      classifier: the network.
      limits: of uploads and sessions.
      hosts: as for `guard.Guard`.
      score_flagged: as for `score.score`.
      allow_unfamiliar: the same.
      debug: as for `worker.Worker`.
    """
    self.sessions = session_lib.Sessions(limits)
    worker = worker_lib.Worker(
      classifier,
      score_flagged=score_flagged,
      allow_unfamiliar=allow_unfamiliar,
      debug=debug,
    )
    app = _application(classifier, self.sessions, worker)
    guarded = guard.Guard(app, hosts=hosts, debug=debug)
    super().__init__(_config(guarded, limits))

  async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
    """Forgets all scans, which ends the pages' connections, then stops."""
    self.sessions.close_all()
    for each in list(self.server_state.connections):
      if each.is_receiving:
        each.end()
    await super().shutdown(sockets)

  async def on_tick(self, counter: int) -> bool:
    """Returns whether to stop, after ending silent connections."""
    for each in list(self.server_state.connections):
      each.end_if_silent()
    return await super().on_tick(counter)

  @contextlib.contextmanager
  def capture_signals(self) -> Iterator[None]:
    """Ends the server at the first of all signals that stop commands."""
    with stop_signals.handled(lambda: setattr(self, 'should_exit', True)):
      # One may have come before, and have been swallowed.
      self.should_exit = bool(stop_signals.received())
      yield


def _config(app: guard.Guard, limits: limits_lib.Limits) -> uvicorn.Config:
  return uvicorn.Config(
    app,
    http=functools.partial(connections.Connection, limits=limits),
    # They are accepted at once, and then others make room for them.
    backlog=256,
    ws='none',
    lifespan='on',
    # Addresses hold tokens: no line for each of them.
    access_log=False,
    # What a request does wrong is no matter of the terminal, and `Guard` and
    # `Worker` say what fails.
    log_level='critical',
    # Configuring the logging module would close the handlers of libraries.
    log_config=None,
    server_header=False,
    timeout_graceful_shutdown=5,
  )


def _application(
  classifier: network_lib.Network,
  sessions: session_lib.Sessions,
  worker: worker_lib.Worker,
) -> applications.Starlette:
  environment = page_templates.environment(_HERE / 'templates')
  page = environment.get_template('page.html.j2').render(
    model_name=classifier.model_name,
    data=classifier.facts.get('data'),
    limits=sessions.limits,
  )

  async def get_page(request: requests.Request) -> responses.Response:
    return responses.HTMLResponse(page)

  static = staticfiles.StaticFiles(directory=_HERE / 'static')
  return applications.Starlette(
    routes=[
      routing.Route('/', get_page),
      routing.Mount('/static', static),
      *endpoints.Endpoints(classifier, sessions, worker).routes(),
    ],
    lifespan=lambda app: _lifespan(sessions, worker),
    exception_handlers=dict.fromkeys(
      (exceptions.HTTPException, *_STATUS), _as_json
    ),
  )


@contextlib.asynccontextmanager
async def _lifespan(
  sessions: session_lib.Sessions, worker: worker_lib.Worker
) -> AsyncIterator[None]:
  """Closes abandoned sessions while the server runs, and all at its end."""
  async with anyio.create_task_group() as tasks:
    tasks.start_soon(_sweep, sessions)
    yield
    tasks.cancel_scope.cancel()
  sessions.close_all()
  await anyio.to_thread.run_sync(worker.stop)


async def _sweep(sessions: session_lib.Sessions) -> None:
  while True:
    await anyio.sleep(_SWEEP)
    await anyio.to_thread.run_sync(sessions.close_abandoned)


async def _as_json(
  request: requests.Request, error: Exception
) -> responses.Response:
  if isinstance(error, exceptions.HTTPException):
    return responses.JSONResponse({'error': error.detail}, error.status_code)
  return responses.JSONResponse({'error': str(error)}, _STATUS[type(error)])


def run(
  classifier: network_lib.Network,
  listener: socket.socket,
  *,
  hosts: Collection[str] = (),
  opens_browser: bool = False,
  **options: Any,
) -> None:
  """Serves the page, and says where; ends with an interrupt.

  Args:
    classifier: the network.
    listener: a listening socket.
    hosts: names under which the server is reached, besides its own.
    opens_browser: open the page in a browser, where there is a screen.
    **options: of `PageServer`.
  """
  names = [] if is_local(listener) else [socket.gethostname()]
  server = PageServer(classifier, hosts=[*names, *hosts], **options)
  # Of a server that was killed.
  private_folder.sweep()
  # From here on, connections wait until they are answered.
  listener.listen()
  url = address(listener)
  # From here on, as an exception would leave the server half started.
  with server.capture_signals():
    lines.say(f'The page: {url}   (Ctrl+C ends it)')
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
