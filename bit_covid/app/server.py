# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The server as an ASGI application: the page, its files, and its endpoints."""

from collections.abc import AsyncIterator, Collection
import contextlib
import mimetypes
import pathlib

import anyio
import anyio.to_thread
from starlette import applications
from starlette import exceptions
from starlette import middleware
from starlette import requests
from starlette import responses
from starlette import routing
from starlette import staticfiles

from bit_covid.app import endpoints as endpoints_lib
from bit_covid.app import guard
from bit_covid.app import limits as limits_lib
from bit_covid.app import session as session_lib
from bit_covid.app import sessions as sessions_lib
from bit_covid.app import worker as worker_lib
from bit_covid.base import page_templates
from bit_covid.inference import network as network_lib

# Some Windows registries map .js to text/plain, which browsers do not run.
mimetypes.add_type('text/javascript', '.js')
_HERE = pathlib.Path(__file__).parent
# Seconds between checks for abandoned sessions.
_SWEEP = 2.0


def create(
  classifier: network_lib.Network,
  sessions: sessions_lib.Sessions,
  *,
  hosts: Collection[str] = (),
  score_flagged: bool = False,
  debug: bool = False,
) -> applications.Starlette:
  """Returns the application.

  Args:
    classifier: the network.
    sessions: closed when the application ends.
    hosts: as for `guard.Guard`.
    score_flagged: as for `score.score`.
    debug: as for `worker.Worker`.
  """
  worker = worker_lib.Worker(
    classifier, score_flagged=score_flagged, debug=debug
  )
  page = _render(classifier, sessions.limits)

  async def get_page(request: requests.Request) -> responses.Response:
    return responses.HTMLResponse(page)

  endpoints = endpoints_lib.Endpoints(classifier, sessions, worker)
  return applications.Starlette(
    routes=[
      routing.Route('/', get_page),
      routing.Mount(
        '/static', staticfiles.StaticFiles(directory=_HERE / 'static')
      ),
      *endpoints.routes(),
    ],
    lifespan=lambda app: _lifespan(sessions, worker),
    middleware=[middleware.Middleware(guard.Guard, hosts=hosts)],
    exception_handlers={
      exceptions.HTTPException: _as_json,
      session_lib.ClosedError: _say_closed,
    },
  )


@contextlib.asynccontextmanager
async def _lifespan(
  sessions: sessions_lib.Sessions, worker: worker_lib.Worker
) -> AsyncIterator[None]:
  """Closes abandoned sessions while the server runs, and all at its end."""
  async with anyio.create_task_group() as tasks:
    tasks.start_soon(_sweep, sessions)
    yield
    tasks.cancel_scope.cancel()
  sessions.close_all()
  await anyio.to_thread.run_sync(worker.stop)


async def _sweep(sessions: sessions_lib.Sessions) -> None:
  while True:
    await anyio.sleep(_SWEEP)
    await anyio.to_thread.run_sync(sessions.close_abandoned)


async def _as_json(
  request: requests.Request, error: exceptions.HTTPException
) -> responses.Response:
  return responses.JSONResponse({'error': error.detail}, error.status_code)


async def _say_closed(
  request: requests.Request, error: session_lib.ClosedError
) -> responses.Response:
  return responses.JSONResponse({'error': endpoints_lib.CLOSED}, 404)


def _render(classifier: network_lib.Network, limits: limits_lib.Limits) -> str:
  environment = page_templates.environment(_HERE / 'templates')
  return environment.get_template('page.html.j2').render(
    model_name=classifier.model_name,
    data=classifier.facts.get('data'),
    limits=limits,
  )
