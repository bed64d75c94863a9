# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a browser asks the page for, over HTTP."""

from collections.abc import Callable
import http.client
import json
import pathlib
import re
import time
from typing import Any

from tests.trials.frame import attempt

# Longest wait for an answer, in seconds.
_PATIENCE = 120.0


class PageClient:
  """A browser of one page at a time."""

  def __init__(self, command: attempt.Command):
    """Waits until the server of a command listens.

    Raises:
      ConnectionError: it ended.
    """
    _wait(lambda: _PORT.search(command.log()) or not command.is_alive())
    found = _PORT.search(command.log())
    if found is None:
      raise ConnectionError('The page ended before it listened.')
    self._port = int(found[1])

  def ask(self, method: str, path: str, body: bytes = b'') -> bytes:
    """Returns the content of an answer.

    Raises:
      OSError: the server is gone.
      RuntimeError: it refused.
    """
    connection = http.client.HTTPConnection(
      '127.0.0.1', self._port, timeout=_PATIENCE
    )
    try:
      connection.request(method, f'/{path}', body=body)
      answer = connection.getresponse()
      content = answer.read()
    except http.client.HTTPException as error:
      raise ConnectionError(f'{method} {path}: {error!r}') from error
    finally:
      connection.close()
    if answer.status >= 400:
      raise RuntimeError(f'{method} {path}: {answer.status} {content!r}')
    return content

  def score(self, scan_path: pathlib.Path) -> Any:
    """Returns the result of a scan, a file or a folder, on a new page."""
    is_folder = scan_path.is_dir()
    paths = sorted(scan_path.iterdir()) if is_folder else [scan_path]
    session = f'sessions/{json.loads(self.ask("POST", "sessions"))["token"]}'
    for i, path in enumerate(paths):
      ending = ''.join(path.suffixes)
      self.ask('PUT', f'{session}/files/0/{i:06d}{ending}', path.read_bytes())
    self.ask('POST', f'{session}/find')
    _wait(lambda: json.loads(self.ask('GET', f'{session}/found'))['scans'])
    scan = f'{session}/scans/0'
    self.ask('POST', f'{scan}/score')
    result = _wait(lambda: self._result(scan))
    self.ask('GET', f'{scan}/files.zip')
    self.ask('POST', f'{session}/close')
    return result

  def _result(self, scan: str) -> Any:
    try:
      return json.loads(self.ask('GET', f'{scan}/result'))
    except RuntimeError:
      return None  # Not scored yet.


_PORT = re.compile(r'The page: http://[^:]*:(\d+)/')


def _wait(condition: Callable[[], Any]) -> Any:
  deadline = time.monotonic() + _PATIENCE
  while not (value := condition()):
    if time.monotonic() > deadline:
      raise TimeoutError('The page did not do what was asked of it.')
    time.sleep(0.02)
  return value
