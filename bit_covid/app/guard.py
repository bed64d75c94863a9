# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rejects requests from other sites, sets headers, and catches errors."""

from collections.abc import Collection
import ipaddress
import sys
import traceback
from urllib import parse

from starlette import datastructures
from starlette import responses
from starlette import types

from bit_covid.base import lines

# Everything on the page comes from this server, and nothing is inline.
_POLICY = (
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
  "connect-src 'self'; base-uri 'none'; form-action 'none'; "
  "frame-ancestors 'none'"
)
# The report is one file that contains its style and its pictures.
REPORT_POLICY = (
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
  "frame-ancestors 'none'; sandbox"
)
# Of every answer, also of errors.
HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': _POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}


class Guard:
  """ASGI application around another one, for all its requests and answers.

  Another site can use the server neither through the user's browser (checked by
  `Origin` and `Sec-Fetch-Site`) nor through a name of its own that points to
  this server (checked by `Host`). Errors of the application become an answer
  and one line on the terminal.
  """

  def __init__(
    self, app: types.ASGIApp, *, hosts: Collection[str], debug: bool = False
  ):
    """Creates the guard of an application.

    Args:
      app: the application.
      hosts: names of the server, without ports; IP addresses are always
        accepted.
      debug: print the traceback of an error; it may contain file names.
    """
    self._app = app
    self._debug = debug
    self._hosts = {'localhost', *(x.lower() for x in hosts)}

  async def __call__(
    self, scope: types.Scope, receive: types.Receive, send: types.Send
  ) -> None:
    """Answers a request, or passes it on."""
    if scope['type'] != 'http':
      await self._app(scope, receive, send)
      return

    has_started = False

    async def send_with_headers(message: types.Message) -> None:
      nonlocal has_started
      if message['type'] == 'http.response.start':
        has_started = True
        headers = datastructures.MutableHeaders(scope=message)
        for name, value in HEADERS.items():
          headers.setdefault(name, value)
      await send(message)

    app = self._app
    headers = datastructures.Headers(scope=scope)
    if problem := self._problem(scope['method'], headers):
      app = responses.JSONResponse({'error': problem}, 403)
    try:
      await app(scope, receive, send_with_headers)
    except Exception as error:
      text = self._report(error)
      if not has_started:
        answer = responses.JSONResponse({'error': text}, 500)
        await answer(scope, receive, send_with_headers)

  def _report(self, error: Exception) -> str:
    if self._debug:
      traceback.print_exc()
    # Without what the error says, which may hold names of files.
    text = (
      f'The program failed ({type(error).__name__}). Start it with --debug to '
      'see where.'
    )
    lines.say(f'Error: {text}', sys.stderr)
    return text

  def _problem(
    self, method: str, headers: datastructures.Headers
  ) -> str | None:
    host = headers.get('host', '')
    name = _host_name(host)
    if name not in self._hosts and not _is_address(name):
      return (
        f'The server does not know that it is called {name!r}; start it with '
        f'--allow_host={name} if it is.'
      )
    origin = headers.get('origin')
    is_foreign = origin is not None and _network_location(origin) != host
    site = headers.get('sec-fetch-site', 'none')
    is_link = method == 'GET' and headers.get('sec-fetch-mode') == 'navigate'
    if is_foreign or (site not in ('none', 'same-origin') and not is_link):
      return 'The request comes from a page of another server.'
    return None


def _host_name(host: str) -> str:
  """Returns the host of a `Host` header without its port; '' if invalid."""
  try:
    return (parse.urlsplit(f'//{host}').hostname or '').lower()
  except ValueError:
    return ''


def _network_location(origin: str) -> str | None:
  """Returns the host and port of an `Origin` header; None if it is invalid."""
  try:
    return parse.urlsplit(origin).netloc
  except ValueError:
    return None


def _is_address(name: str) -> bool:
  try:
    return bool(ipaddress.ip_address(name))
  except ValueError:
    return False
