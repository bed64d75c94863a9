# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A tab of a headless Chromium, driven over its DevTools protocol."""

import base64
from collections.abc import Callable
import itertools
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import time
from typing import Any

import pytest

_NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')
# Chromium reads from 3 and writes to 4. In a program of its own: forking this
# one, with all its threads, to put them there would be asking for trouble.
_WITH_PIPES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Page:
  """A tab, over a pipe: no port, and no package for web sockets.

  Attributes:
    problems: what the page's scripts threw, and what was blocked or not found.
  """

  def __init__(
    self,
    path: str,
    profile: pathlib.Path,
    wait_until: Callable[..., Any],
  ):
    self.problems: list[str] = []
    self._wait_until = wait_until
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
    return self._wait_until(lambda: self.run(script), seconds)

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
def page(tmp_path, wait_until):
  path = next(filter(None, map(shutil.which, _NAMES)), None)
  if path is None:
    pytest.skip(f'there is no Chromium here ({", ".join(_NAMES)})')
  page = Page(path, tmp_path / 'profile', wait_until)
  yield page
  page.stop()
