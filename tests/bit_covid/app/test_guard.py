# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which requests are answered, and with which headers."""

import asyncio

import pytest

pytest.importorskip('starlette', reason='needs the extra app')

from starlette import responses

from bit_covid.app import guard


def _ask(method='GET', *, hosts=(), **headers):
  """Returns the status and the headers of an answer."""
  sent = []

  async def send(message):
    sent.append(message)

  scope = {
    'type': 'http',
    'method': method,
    'path': '/',
    'headers': [
      (name.replace('_', '-').encode(), value.encode())
      for name, value in ({'host': 'localhost:7860'} | headers).items()
    ],
  }
  guarded = guard.Guard(responses.PlainTextResponse('yes'), hosts=hosts)
  asyncio.run(guarded(scope, None, send))
  found = {x.decode(): y.decode() for x, y in sent[0]['headers']}
  return sent[0]['status'], found


@pytest.mark.parametrize(
  'host',
  [
    'localhost',
    'localhost:7860',
    'LOCALHOST:7860',
    '127.0.0.1:7860',
    '[::1]:7860',
    '10.1.2.3:7860',
    'scan.hospital.example',
  ],
)
def test_names_that_are_its_own(host):
  assert _ask(host=host, hosts=['Scan.hospital.example'])[0] == 200


@pytest.mark.parametrize(
  'host',
  ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '', '['],
)
def test_a_name_that_only_points_here_is_refused(host):
  assert _ask(host=host)[0] == 403


@pytest.mark.parametrize('method', ['GET', 'POST', 'PUT'])
def test_pages_of_other_servers_are_refused(method):
  for origin in ('http://evil.example', 'http://localhost:8888', 'null', '//['):
    assert _ask(method, origin=origin)[0] == 403
  assert _ask(method, origin='http://localhost:7860')[0] == 200
  # Behind a proxy that encrypts.
  assert _ask(method, origin='https://localhost:7860')[0] == 200


def test_what_the_browser_says_of_the_asking_page():
  for site in ('cross-site', 'same-site'):
    assert _ask('POST', sec_fetch_site=site)[0] == 403
    assert _ask('GET', sec_fetch_site=site, sec_fetch_mode='no-cors')[0] == 403
    assert (
      _ask('POST', sec_fetch_site=site, sec_fetch_mode='navigate')[0] == 403
    )
    # A link to the page.
    assert _ask('GET', sec_fetch_site=site, sec_fetch_mode='navigate')[0] == 200
  assert _ask('POST', sec_fetch_site='same-origin')[0] == 200


def test_headers_are_set_on_every_answer():
  for _, headers in (_ask(), _ask(host='evil.example')):
    assert headers['cache-control'] == 'no-store'
    assert headers['x-content-type-options'] == 'nosniff'
    assert headers['referrer-policy'] == 'no-referrer'
    assert headers['cross-origin-resource-policy'] == 'same-origin'
    policy = headers['content-security-policy'].split('; ')
    assert policy[0] == "default-src 'none'"
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert 'unsafe' not in headers['content-security-policy']
    assert 'access-control-allow-origin' not in headers


@pytest.mark.parametrize('has_started', [False, True], ids=['before', 'after'])
def test_an_error_is_an_answer_and_a_line_without_its_text(capsys, has_started):
  async def app(scope, receive, send):
    if has_started:
      start = {'type': 'http.response.start', 'status': 200, 'headers': []}
      await send(start)
    raise RuntimeError('Doe_Jane')

  sent = []

  async def send(message):
    sent.append(message)

  scope = {
    'type': 'http',
    'method': 'GET',
    'headers': [(b'host', b'localhost')],
  }
  asyncio.run(guard.Guard(app, hosts=())(scope, None, send))
  assert sent[0]['status'] == (200 if has_started else 500)
  names = {x.decode() for x, _ in sent[0]['headers']}
  assert names >= guard.HEADERS.keys()
  error = capsys.readouterr().err
  assert error.startswith('Error: The program failed (RuntimeError).')
  assert error.count('\n') == 1
