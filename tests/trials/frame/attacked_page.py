# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A page in a process of its own, and a visitor who always looks at it."""

from collections.abc import Iterator, Mapping
import contextlib
import http.client
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

from bit_covid.app import guard
from tests.trials.frame import rows

# Seconds that a visitor may wait.
_WAIT = 10.0
_OPEN_FILES = 1024


class Page:
  """A page in a process of its own, with the usual limit on open files."""

  def __init__(self, scratch: pathlib.Path):
    self._temporary = scratch / 'tmp'
    self._temporary.mkdir(exist_ok=True)
    self._errors = scratch / 'stderr'
    with self._errors.open('w') as errors:
      self._process = subprocess.Popen(
        [sys.executable, '-m', 'bit_covid.app', '--checkpoint=Textures-S-tiny']
        + ['--port=0', '--no_browser', '--max_mb=8'],
        env={
          **os.environ,
          'TMPDIR': str(self._temporary),
          'JAX_PLATFORMS': 'cpu',
          'PYTHONUNBUFFERED': '1',
          'TF_CPP_MIN_LOG_LEVEL': '3',
        },
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
      )
    # The limit is set from outside: a function run between fork and exec
    # would fork a process that may hold JAX's threads.
    resource.prlimit(
      self._process.pid, resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES)
    )
    for line in self._process.stdout:
      if found := re.match(r'The page: http://[^:]+:(\d+)/', line):
        self.port = int(found[1])
        # TensorFlow has its say before it can be told not to.
        self._start = len(self._errors.read_text())
        return
    raise ValueError(f'The page did not start: {self._errors.read_text()}')

  def __enter__(self) -> 'Page':
    return self

  def __exit__(self, *_: object) -> None:
    self._process.kill()
    self._process.communicate()

  def ask(
    self,
    method: str,
    path: str,
    body: bytes | Iterator[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
  ) -> tuple[int, bytes, list[str]]:
    """Returns the status and content of an answer, and what is wrong."""
    connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
    with contextlib.closing(connection):
      connection.request(method, f'/{path}', body, headers or {})
      answer = connection.getresponse()
      problems = []
      what = f'{method} {path[:60]}: {answer.status}'
      if not 200 <= answer.status < 500 and answer.status != 503:
        problems.append(what)
      problems += [
        f'{what}: no header {name}'
        for name in guard.HEADERS
        if name not in answer.headers
      ]
      return answer.status, answer.read(), problems

  def open(self) -> str:
    """Returns the path of a new session."""
    status, content, _ = self.ask('POST', 'sessions')
    assert status == 201, content
    return f'sessions/{json.loads(content)["token"]}'

  def state(self, session: str, *stages: str) -> dict:
    """Returns the state of a session as soon as it is one of these."""
    connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
    with contextlib.closing(connection):
      connection.request('GET', f'/{session}/events')
      for line in connection.getresponse():
        if line.startswith(b'data: '):
          state = json.loads(line[6:])
          if state['stage'] in (*stages, 'failed', 'closed'):
            return state
    raise ConnectionError('The page ended its events.')

  def raw(self) -> socket.socket:
    """Returns a connection of bytes."""
    return socket.create_connection(('127.0.0.1', self.port), timeout=20)

  def send_half(self, session: str) -> socket.socket:
    """Returns a connection over which half of an upload has come."""
    connection = self.raw()
    connection.sendall(
      f'PUT /{session}/files/0/000000 HTTP/1.1\r\nHost: localhost\r\n'
      'Content-Length: 1000\r\n\r\nhalf'.encode()
    )
    return connection

  @contextlib.contextmanager
  def visitor(self) -> Iterator['Waits']:
    """Has somebody look at the page all the time."""
    waits, is_over = Waits(), threading.Event()

    def visit():
      while not is_over.wait(0.1):
        for path in ('', 'static/main.js', 'sessions/none/found'):
          start = time.monotonic()
          try:
            _, _, problems = self.ask('GET', path)
          except (OSError, http.client.HTTPException) as error:
            problems = [f'a visitor asks for /{path}: {error!r}']
          waits.add(time.monotonic() - start, problems)

    thread = threading.Thread(target=visit)
    thread.start()
    try:
      yield waits
    finally:
      is_over.set()
      thread.join()

  def stop(self, signum: int) -> list[str]:
    """Ends the page with a signal, and returns what is wrong with its end."""
    self._process.send_signal(signum)
    try:
      code = self._process.wait(30)
    except subprocess.TimeoutExpired:
      return [f'it goes on 30 s after {signal.Signals(signum).name}']
    if signum == signal.SIGKILL:
      return []
    text = self._errors.read_text(errors='replace')[self._start :]
    problems = []
    if code != 128 + signum:
      problems.append(f'exit code {code} after signal {signum}')
    if text.strip() != 'Stopped. Nothing of any scan is kept.':
      problems.append(f'it prints {text.strip()[-500:]!r}')
    return problems

  def left(self) -> list[str]:
    """Returns the names of files that were left behind."""
    return [x.name for x in self._temporary.glob('bit_covid*')]


class Waits:
  """How long a visitor waits."""

  def __init__(self):
    self._seconds, self._problems = [0.0], []

  def add(self, seconds: float, problems: list[str]) -> None:
    """Notes how long an answer took, and what was wrong with it."""
    self._seconds.append(seconds)
    self._problems += problems

  def longest(self, row: rows.Row) -> str:
    """Returns the longest wait since the last call; problems go to the row."""
    seconds, self._seconds = max(self._seconds), [0.0]
    problems, self._problems = self._problems, []
    row.differences += problems
    if seconds > _WAIT:
      row.differences.append(f'a visitor waits for {seconds:.0f} s')
    return f'longest wait {seconds:.1f} s (at most {_WAIT:.0f})'
