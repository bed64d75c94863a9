# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Rejects requests from other sites, and sets security headers."""

from collections.abc import Collection
import ipaddress
from urllib import parse

from starlette import datastructures
from starlette import responses
from starlette import types

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
_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': _POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}


class Guard:
  """ASGI middleware that rejects requests of other sites and sets headers.

  Another site can use the server neither through the user's browser (checked by
  `Origin` and `Sec-Fetch-Site`) nor through a name of its own that points to
  this server (checked by `Host`).
  """

  def __init__(self, app: types.ASGIApp, *, hosts: Collection[str]):
    """Creates the guard of an application.

    Args:
      app: the application.
      hosts: names of the server, without ports; IP addresses are always
        accepted.
    """
    self._app = app
    self._hosts = {'localhost', *(x.lower() for x in hosts)}

  async def __call__(
    self, scope: types.Scope, receive: types.Receive, send: types.Send
  ) -> None:
    """Answers a request, or passes it on."""
    if scope['type'] != 'http':
      await self._app(scope, receive, send)
      return

    async def send_with_headers(message: types.Message) -> None:
      if message['type'] == 'http.response.start':
        headers = datastructures.MutableHeaders(scope=message)
        for name, value in _HEADERS.items():
          headers.setdefault(name, value)
      await send(message)

    app = self._app
    headers = datastructures.Headers(scope=scope)
    if problem := self._problem(scope['method'], headers):
      app = responses.JSONResponse({'error': problem}, 403)
    await app(scope, receive, send_with_headers)

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
    is_foreign = origin is not None and parse.urlsplit(origin).netloc != host
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


def _is_address(name: str) -> bool:
  try:
    return bool(ipaddress.ip_address(name))
  except ValueError:
    return False
