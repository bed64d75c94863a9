# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Clients that are silent or many, and what others notice of them."""

import contextlib
import http.client
import json
import socket
import threading
import time

import pytest

pytest.importorskip('uvicorn', reason='needs the extra app')

from bit_covid.app import guard

_HEAD = 'Host: localhost\r\n'


@pytest.fixture(scope='module')
def client(serve):
  return serve(limits={'silent_after': 0.5})


@pytest.fixture
def connect(client):
  with contextlib.ExitStack() as stack:

    def connect_once(text=''):
      address = client.url.removeprefix('http://')[:-1].split(':')
      connection = socket.create_connection(address, timeout=20)
      stack.enter_context(connection)
      connection.sendall(text.encode())
      return connection

    yield connect_once


@pytest.fixture
def session(client):
  path, session = client.open()
  yield path, session
  client.ask('POST', f'{path}/close')


def _put(path, length=100):
  return (
    f'PUT /{path}/files/0/000000 HTTP/1.1\r\n{_HEAD}'
    f'Content-Length: {length}\r\n\r\n'
  )


def _is_ended(connection):
  with contextlib.suppress(ConnectionError):
    while connection.recv(1 << 16):
      pass
  return True


@pytest.mark.parametrize('text', ['', 'GET / HTTP/1.1\r\nHo'], ids=len)
def test_a_client_that_asks_nothing_is_ended(connect, text):
  start = time.monotonic()
  connection = connect(text)
  if text:  # Byte by byte.
    with contextlib.suppress(ConnectionError):
      for _ in range(100):
        connection.sendall(b'x')
        time.sleep(0.1)
  assert _is_ended(connection)
  assert 0.4 < time.monotonic() - start < 8


def test_an_upload_that_stands_still_is_ended_and_not_kept(
  connect, session, wait_until
):
  path, state = session
  connection = connect(_put(path) + 'half')
  file = state.upload.folder / '000000' / '000000'
  wait_until(file.exists)
  assert _is_ended(connection)
  wait_until(lambda: not file.exists())


def test_an_upload_that_goes_on_is_not_ended(connect, session):
  path, state = session
  connection = connect(_put(path, length=10))
  for _ in range(10):
    connection.sendall(b'x')
    time.sleep(0.1)
  assert connection.recv(100).startswith(b'HTTP/1.1 204')
  assert state.upload.size == 10


def test_a_page_that_only_listens_is_not_ended(client, session):
  path, state = session
  connection = http.client.HTTPConnection(client.url[7:-1], timeout=30)
  with contextlib.closing(connection):
    connection.request('GET', f'/{path}/events')
    answer = connection.getresponse()
    assert json.loads(answer.readline()[6:])['stage'] == 'uploading'
    time.sleep(1.2)
    state.fail('why')
    answer.readline()
    assert json.loads(answer.readline()[6:])['error'] == 'why'


def test_a_client_that_takes_no_answer_is_ended(client, connect, wait_until):
  # Answers of 6 kB each, until no buffer takes more.
  text = f'GET /static/viewer.js HTTP/1.1\r\n{_HEAD}\r\n'
  connection = connect()
  connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
  connection.setblocking(False)
  with contextlib.suppress(BlockingIOError):
    for _ in range(5000):
      connection.send(text.encode())
  wait_until(lambda: not client.server.server_state.connections)


def test_of_too_many_connections_the_oldest_make_room(serve, connect, client):
  most = client.server.sessions.limits.connections
  connections = [connect() for _ in range(most + 40)]
  start = time.monotonic()
  assert client.ask('GET', '').status == 200
  assert time.monotonic() - start < 5
  assert len(client.server.server_state.connections) <= most
  assert all(map(_is_ended, connections))


@pytest.mark.parametrize(
  'content',
  [
    b'\x16\x03\x01\x02\x00\x01',
    b'GET / HTTP/1.1\r\n\r\n',
    b'GET /' + b'x' * 70_000 + b' HTTP/1.1\r\n',
    b'POST /sessions HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
    b'PUT /sessions/x/files/0/0 HTTP/1.1\r\nHost: localhost\r\n'
    b'Transfer-Encoding: chunked\r\n\r\nzz\r\n',
  ],
  ids=['TLS', 'no host', 'long', 'no length', 'no chunk'],
)
def test_what_is_no_http_is_answered_with_the_headers(connect, content, capsys):
  connection = connect()
  connection.sendall(content + b'\r\n\r\n')
  answer = http.client.HTTPResponse(connection)
  answer.begin()
  assert 400 <= answer.status < 500
  for name, value in guard.HEADERS.items():
    assert answer.headers[name] == value
  answer.read()
  assert _is_ended(connection)
  assert capsys.readouterr().err == ''


def test_reports_of_one_page_do_not_keep_others_waiting(
  serve, series, score, monkeypatch
):
  from bit_covid.app import endpoints

  client = serve()
  path, session = client.upload(series)
  scan = score(client, path, session)
  at_once, most = [], []
  answered = threading.Event()

  def render(*_):
    at_once.append(1)
    most.append(len(at_once))
    # Another visitor gets an answer meanwhile.
    answered.wait(60)
    time.sleep(0.02)
    at_once.pop()
    return ''

  monkeypatch.setattr(endpoints.page, 'render', render)
  # As many as there are threads, and more.
  threads = [
    threading.Thread(target=client.ask, args=['GET', f'{scan}/report.html'])
    for _ in range(50)
  ]
  for each in threads:
    each.start()
  assert client.ask('GET', 'static/main.js').status == 200
  answered.set()
  for each in threads:
    each.join()
  assert len(most) == 50
  assert max(most) == 1
