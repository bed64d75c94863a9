# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The server by HTTP: the page, limits, and its end."""

import contextlib
import http.client
import json
import signal
import threading
import urllib.parse

import pytest

pytest.importorskip('starlette', reason='needs the extra app')

from bit_covid.app import command
from bit_covid.app import guard
from bit_covid.app import limits
from bit_covid.app import server
from bit_covid.base import page_templates
from bit_covid.base import stop_signals


def test_the_page_is_whole_and_says_what_it_is(client):
  answer = client.ask('GET', '')
  assert answer.status == 200
  page = answer.content.decode()
  assert page.count(page_templates.DISCLAIMER) == 1
  assert 'trained on phantom/demo' in page
  assert '2,048 MB and 10,000 files' in page
  assert 'http' not in page
  script = client.ask('GET', 'static/main.js')
  assert script.headers['content-type'].startswith('text/javascript')
  assert script.headers['cache-control'] == 'no-store'
  assert client.ask('GET', 'static/../server.py').status == 404


def test_limits_end_an_upload_in_words(serve):
  client = serve(limits={'bytes': 1 << 20, 'sessions': 1})
  path, session = client.open()
  answer = client.ask('POST', 'sessions')
  assert answer.status == 503
  assert b'which is the limit' in answer.content

  def chunks():
    for _ in range(64):
      yield bytes(1 << 16)

  # It need not wait for the rest of what is too much.
  with contextlib.suppress(ConnectionError, http.client.HTTPException):
    client.ask(
      'PUT', f'{path}/files/0/000000', chunks(), content_length=str(1 << 22)
    )
  assert session.state.stage == 'failed'
  assert 'More than 1 MB' in session.state.error
  assert not session.upload.folder.exists()


def test_a_path_in_a_name_is_refused(client):
  for name in ('../../x', '/etc/x', '..\\x'):
    path, session = client.open()
    quoted = urllib.parse.quote(name, safe='')
    answer = client.ask('PUT', f'{path}/files/0/{quoted}', b'x')
    assert answer.status in (404, 413)
    assert not list(session.upload.folder.parent.glob('x'))
    client.ask('POST', f'{path}/close')


def test_events_tell_the_state_and_their_end_closes_the_page(
  serve, wait_until, monkeypatch
):
  from bit_covid.app import server as server_lib

  monkeypatch.setattr(server_lib, '_SWEEP', 0.05)
  client = serve(limits={'closed_after': 0.3})
  path, session = client.open()
  connection = http.client.HTTPConnection(client.url[7:-1], timeout=30)
  connection.request('GET', f'/{path}/events')
  answer = connection.getresponse()
  assert answer.headers['content-type'].startswith('text/event-stream')
  line = answer.readline().decode()
  assert json.loads(line.removeprefix('data: '))['stage'] == 'uploading'
  wait_until(lambda: session.listeners == 1)
  session.fail('why')
  assert answer.readline() == b'\n'
  assert json.loads(answer.readline()[6:])['error'] == 'why'
  # Longer than a page may be away.
  threading.Event().wait(0.6)
  assert len(client.server.sessions) == 1
  answer.close()
  connection.close()
  wait_until(lambda: not client.server.sessions)
  assert session.state.stage == 'closed'


def test_the_end_of_the_server_is_the_end_of_all_sessions(
  serve, series, wait_until
):
  client = serve()
  path, session = client.upload(series)
  connection = http.client.HTTPConnection(client.url[7:-1], timeout=30)
  connection.request('GET', f'/{path}/events')
  answer = connection.getresponse()
  wait_until(lambda: session.listeners)
  client.server.should_exit = True
  assert b'"closed"' in answer.read()
  connection.close()
  assert not session.upload.folder.exists()
  assert not client.server.sessions


@pytest.mark.parametrize(
  ('method', 'path', 'status'),
  [
    ('GET', 'none', 404),
    ('GET', 'static/none', 404),
    ('DELETE', '', 405),
    ('GET', 'sessions', 405),
    ('GET', 'sessions/x/found', 404),
    ('PUT', '{session}/files/0/Doe.dcm', 413),
    ('POST', '{session}/scans/0/score', 409),
    ('GET', '{session}/scans/{number}/result', 404),
    ('GET', '{session}/scans/0/slices/{number}/map{number}.png', 404),
    ('PUT', '{session}/files/{number}/000000', 404),
  ],
)
def test_errors_have_the_headers_of_all_answers(client, method, path, status):
  session, _ = client.open()
  # Longer than the numbers that Python reads.
  path = path.format(session=session, number='9' * 5000)
  answer = client.ask(method, path)
  assert answer.status == status
  for name, value in guard.HEADERS.items():
    assert answer.headers[name] == value
  client.ask('POST', f'{session}/close')


def test_an_error_of_the_program_is_an_answer_with_the_headers(
  client, monkeypatch, capsys
):
  def fail():
    raise RuntimeError('Doe_Jane')

  monkeypatch.setattr(client.server.sessions, 'create', fail)
  answer = client.ask('POST', 'sessions')
  assert answer.status == 500
  assert guard.HEADERS.keys() <= {x.lower() for x in answer.headers}
  assert b'Doe_Jane' not in answer.content
  error = capsys.readouterr().err
  assert error.startswith('Error: The program failed (RuntimeError).')
  assert error.count('\n') == 1


def test_a_signal_that_was_swallowed_ends_the_server(classifier, monkeypatch):
  monkeypatch.setattr(stop_signals, '_received', [signal.SIGINT])
  page = server.PageServer(classifier, limits=limits.Limits())
  with command.listen('127.0.0.1', 0) as listener:
    listener.listen()
    thread = threading.Thread(target=page.run, args=[[listener]])
    thread.start()
    thread.join(20)
    has_ended = not thread.is_alive()
    page.should_exit = True
    thread.join()
  assert has_ended
