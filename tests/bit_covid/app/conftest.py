# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A server with a tiny network, on a port of its own."""

from collections.abc import Callable, Iterator
import http.client
import io
import json
import pathlib
import threading
import time
from typing import Any

import numpy as np
from PIL import Image
import pytest

import bit_covid
from bit_covid.app import limits as limits_lib


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory, random_params, save_checkpoint):
  params = random_params('tiny')
  # Features are not negative: all speaks for the first and the last class, and
  # nothing for the second one.
  params['head']['kernel'] = np.abs(params['head']['kernel']) * [1, -1, 1]
  return save_checkpoint(
    tmp_path_factory.mktemp('run'),
    params,
    crop=64,
    facts={'data': 'phantom/demo'},
  )


@pytest.fixture(scope='session')
def classifier(checkpoint):
  return bit_covid.load(str(checkpoint))


class Client:
  """What a test asks of a server."""

  def __init__(self, server, port: int):
    self.server = server
    self.url = f'http://127.0.0.1:{port}/'
    self._port = port

  def ask(
    self, method: str, path: str, body: bytes | Iterator = b'', **headers: str
  ) -> http.client.HTTPResponse:
    """Returns an answer that has been read: its content is in `content`."""
    connection = http.client.HTTPConnection('127.0.0.1', self._port, timeout=60)
    headers = {x.replace('_', '-'): value for x, value in headers.items()}
    connection.request(method, f'/{path}', body=body, headers=headers)
    answer = connection.getresponse()
    answer.content = answer.read()
    connection.close()
    return answer

  def json(self, path: str) -> Any:
    answer = self.ask('GET', path)
    assert answer.status == 200, answer.content
    return json.loads(answer.content)

  def picture(self, path: str) -> np.ndarray:
    answer = self.ask('GET', path)
    assert answer.status == 200, (path, answer.content)
    assert answer.headers['content-type'] == 'image/png'
    return np.asarray(Image.open(io.BytesIO(answer.content)))

  def open(self) -> tuple[str, Any]:
    """Returns the path of a new session, and the session in the server."""
    answer = self.ask('POST', 'sessions')
    assert answer.status == 201, answer.content
    token = json.loads(answer.content)['token']
    return f'sessions/{token}', self.server.sessions.find(token)

  def upload(self, paths: list[pathlib.Path]) -> tuple[str, Any]:
    """Returns a session whose scans were found."""
    path, session = self.open()
    for number, each in enumerate(paths):
      name = f'{number:06d}{each.suffix}'
      answer = self.ask('PUT', f'{path}/files/0/{name}', each.read_bytes())
      assert answer.status == 204, answer.content
    assert self.ask('POST', f'{path}/find').status == 202
    wait_until(lambda: session.state.stage in ('found', 'failed'))
    return path, session


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
  deadline = time.monotonic() + seconds
  while not (value := condition()):
    assert time.monotonic() < deadline, 'It did not come about in time.'
    time.sleep(0.02)
  return value


@pytest.fixture(name='wait_until', scope='session')
def _wait_until():
  return wait_until


@pytest.fixture(scope='module')
def serve(classifier):
  """Starts servers; a client of each."""
  reason = 'needs the extra app'
  pytest.importorskip('starlette', reason=reason)
  pytest.importorskip('uvicorn', reason=reason)
  from bit_covid.app import command
  from bit_covid.app import server as server_lib

  started = []

  def start(**options) -> Client:
    limits = limits_lib.Limits(**options.pop('limits', {}))
    listener = command.listen('127.0.0.1', 0)
    server = server_lib.PageServer(classifier, limits=limits, **options)
    thread = threading.Thread(target=server.run, args=[[listener]])
    thread.start()
    started.append((server, thread))
    wait_until(lambda: server.started)
    return Client(server, listener.getsockname()[1])

  yield start
  for server, thread in started:
    server.should_exit = True
    thread.join(60)
    assert not thread.is_alive()


@pytest.fixture(scope='module')
def client(serve):
  return serve()


@pytest.fixture(scope='session')
def series(study):
  """A DICOM series of 20 slices, the first two and the last without lungs."""
  return sorted(study.glob('Doe_Jane_*.dcm'))


@pytest.fixture
def score(wait_until):
  """Has the scans of a session scored."""

  def score(client, path, session, index=0):
    answer = client.ask('POST', f'{path}/scans/{index}/score')
    assert answer.status == 202
    wait_until(lambda: session.state.stage in ('scored', 'failed'))
    assert session.state.error is None
    return f'{path}/scans/{index}'

  return score
