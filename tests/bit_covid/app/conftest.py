# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A server with a tiny network on a port of its own, and a browser."""

import base64
from collections.abc import Callable, Iterator
import http.client
import itertools
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest

import bit_covid
from bit_covid import bit_npz
from bit_covid import model_metadata
from bit_covid.app import limits as limits_lib

_NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
# Chromium reads from 3 and writes to 4. In a program of its own: forking this
# one, with all its threads, to put them there would be asking for trouble.
_WITH_PIPES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


@pytest.fixture(scope='session')
def checkpoint(tmp_path_factory, random_params):
  path = tmp_path_factory.mktemp('run') / 'model.npz'
  metadata = model_metadata.Metadata(
    class_names=('Normal', 'CP', 'NCP'),
    preprocessing={
      'box': 'annotated',
      'crop': 64,
      'antialias': False,
      'range_16bit': [0, 65_535],
    },
    window=(-600.0, 1500.0),
    temperature=None,
    facts={'data': 'phantom/demo'},
  )
  params = random_params('tiny')
  # Features are not negative: all speaks for the first and the last class, and
  # nothing for the second one.
  params['head']['kernel'] = np.abs(params['head']['kernel']) * [1, -1, 1]
  bit_npz.save(path, params, model='tiny', metadata=metadata)
  return path


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
  from bit_covid.app import serve as serve_lib

  started = []

  def start(**options) -> Client:
    limits = limits_lib.Limits(**options.pop('limits', {}))
    listener = command.listen('127.0.0.1', 0)
    listener.listen()
    server = serve_lib.PageServer(classifier, limits=limits, **options)
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
def series(tmp_path_factory, chest, write_dicom):
  """A DICOM series of 20 slices, the first two and the last without lungs."""
  folder = tmp_path_factory.mktemp('Doe_Jane')
  return [
    write_dicom(
      folder / f'Doe_Jane_{i:02d}.dcm',
      chest(64, lungs=2 <= i < 19, seed=i),
      ImagePositionPatient=[0, 0, -5 * i],
    )
    for i in range(20)
  ]


class Page:
  """A tab of a headless Chromium, over the DevTools protocol in a pipe."""

  def __init__(self, path: str, profile: pathlib.Path):
    self.problems: list[str] = []
    self._numbers = itertools.count(1)
    self._buffer = b''
    to_read, self._write = os.pipe()
    self._read, to_write = os.pipe()
    command = [sys.executable, '-c', _WITH_PIPES, str(to_read), str(to_write)]
    options = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--no-first-run',
      '--remote-debugging-pipe',
      f'--user-data-dir={profile}',
    ]
    self._process = subprocess.Popen(
      [*command, path, *options, 'about:blank'],
      pass_fds=(to_read, to_write),
      stdout=subprocess.DEVNULL,
      stderr=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(to_write)
    self._session = None
    target = self.call('Target.createTarget', url='about:blank')['targetId']
    self._session = self.call(
      'Target.attachToTarget', targetId=target, flatten=True
    )['sessionId']
    for domain in ('Page', 'Runtime', 'Log', 'DOM'):
      self.call(f'{domain}.enable')

  def call(self, method: str, seconds: float = 60.0, **parameters: Any) -> dict:
    number = next(self._numbers)
    message = {'id': number, 'method': method, 'params': parameters}
    if self._session:
      message['sessionId'] = self._session
    os.write(self._write, json.dumps(message).encode() + b'\0')
    deadline = time.monotonic() + seconds
    while (answer := self._receive(deadline)).get('id') != number:
      self._note(answer)
    if 'error' in answer:
      raise RuntimeError(f'{method}: {answer["error"]["message"]}')
    return answer['result']

  def run(self, script: str) -> Any:
    """Returns the value of an expression, which may be a promise."""
    answer = self.call(
      'Runtime.evaluate',
      expression=script,
      awaitPromise=True,
      returnByValue=True,
      userGesture=True,
    )
    if 'exceptionDetails' in answer:
      raise RuntimeError(f'{script}: {answer["exceptionDetails"]}')
    return answer['result'].get('value')

  def text(self, name: str) -> str:
    """Returns the text that is seen of an element, by its id."""
    return self.run(f"document.getElementById('{name}').innerText")

  def wait(self, script: str, seconds: float = 60.0) -> Any:
    """Returns the value of the expression when it is true."""
    return wait_until(lambda: self.run(script), seconds)

  def goto(self, url: str, width: int, height: int) -> None:
    self.call(
      'Emulation.setDeviceMetricsOverride',
      width=width,
      height=height,
      deviceScaleFactor=1,
      mobile=width < 600,
    )
    self.call('Page.navigate', url=url)
    self.wait("document.readyState === 'complete'")

  def choose_files(self, name: str, paths: list[pathlib.Path]) -> None:
    """Chooses files, or a folder, as in the dialogue of an input."""
    found = self.call(
      'Runtime.evaluate', expression=f"document.getElementById('{name}')"
    )
    self.call(
      'DOM.setFileInputFiles',
      objectId=found['result']['objectId'],
      files=[str(path) for path in paths],
    )

  def drop(self, name: str, paths: list[pathlib.Path]) -> None:
    """Drops files on the middle of an element."""
    x, y = self.middle(name)
    data = {
      'items': [],
      'files': [str(p) for p in paths],
      'dragOperationsMask': 1,
    }
    for kind in ('dragEnter', 'dragOver', 'drop'):
      self.call('Input.dispatchDragEvent', type=kind, x=x, y=y, data=data)

  def middle(self, name: str) -> tuple[float, float]:
    box = self.run(
      f"document.getElementById('{name}').getBoundingClientRect().toJSON()"
    )
    return box['x'] + box['width'] / 2, box['y'] + box['height'] / 2

  def click(self, x: float, y: float, *, to: float | None = None) -> None:
    """Clicks at a place, or drags from it to another x."""
    end = x if to is None else to
    for kind, place in (
      ('mousePressed', x),
      ('mouseMoved', end),
      ('mouseReleased', end),
    ):
      self.call(
        'Input.dispatchMouseEvent',
        type=kind,
        x=place,
        y=y,
        button='left',
        buttons=int(kind != 'mouseReleased'),
        clickCount=1,
      )

  def wheel(self, x: float, y: float, turned: int) -> None:
    self.call(
      'Input.dispatchMouseEvent',
      type='mouseWheel',
      x=x,
      y=y,
      deltaX=0,
      deltaY=turned,
    )

  def press(self, key: str) -> None:
    for kind in ('keyDown', 'keyUp'):
      self.call('Input.dispatchKeyEvent', type=kind, key=key, code=key)

  def screenshot(self, path: pathlib.Path, *, whole: bool = False) -> None:
    answer = self.call('Page.captureScreenshot', captureBeyondViewport=whole)
    path.write_bytes(base64.b64decode(answer['data']))

  def stop(self) -> None:
    self._session = None
    try:
      self.call('Browser.close')
      self._process.wait(30)
    finally:
      self._process.kill()
      self._process.wait()
      os.close(self._read)
      os.close(self._write)

  def _receive(self, deadline: float) -> dict:
    while b'\0' not in self._buffer:
      left = max(0.0, deadline - time.monotonic())
      if not select.select([self._read], [], [], left)[0]:
        raise TimeoutError('The browser does not answer.')
      part = os.read(self._read, 1 << 20)
      if not part:
        raise EOFError('The browser has ended.')
      self._buffer += part
    message, self._buffer = self._buffer.split(b'\0', 1)
    return json.loads(message)

  def _note(self, message: dict) -> None:
    if message.get('method') == 'Runtime.exceptionThrown':
      self.problems.append(json.dumps(message['params']))
    # What the page's own security policy blocks is here, too.
    if message.get('method') == 'Log.entryAdded':
      self.problems.append(json.dumps(message['params']['entry']))


@pytest.fixture
def page(tmp_path):
  path = next(filter(None, map(shutil.which, _NAMES)), None)
  if path is None:
    pytest.skip(f'there is no Chromium here ({", ".join(_NAMES)})')
  page = Page(path, tmp_path / 'profile')
  yield page
  page.stop()
