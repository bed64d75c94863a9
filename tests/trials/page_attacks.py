# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The page is attacked, while a visitor looks how long it takes to answer.

Every answer must be in the 200s or 400s and have the security headers, the
visitor must wait 10 seconds at most, nothing may be printed but what a page
says, and no file may be left, whichever signal ends it.
"""

from collections.abc import Callable, Iterator, Mapping
import contextlib
import http.client
import io
import json
import os
import pathlib
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile

import numpy as np
from PIL import Image
import pydicom
import pydicom.uid

from bit_covid.app import guard
from tests.trials import frame

# Seconds that a visitor may wait.
_WAIT = 10.0
_SIGNALS = ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGKILL')
_OPEN_FILES, _IDLE = 1024, 1100


def run(
  *, amount: int = 600, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns a row for each kind of attack."""
  draw = random.Random(seed)
  rows = []
  with Page(scratch) as page, page.visitor() as waits:
    for place, attack, count in (
      ('addresses', _address, amount // 3),
      ('bytes that are no HTTP', _bytes, amount // 6),
      ('uploads', _upload, amount // 6),
      ('files', _file, amount // 12),
      ('slow clients', _slow, amount // 12),
      ('idle connections', _idle, 1),
      ('many requests for reports', _reports, 1),
    ):
      rows.append(row := frame.Row(place=place, tries=max(count, 1)))
      for _ in range(row.tries):
        row.differences += _try(attack, page, draw)
      row.measured = waits.longest(row)
    printed = page.stop(signal.SIGTERM)
    end = frame.Row(place='what is printed and left', tries=1)
    end.differences += printed
    end.strays += page.left()
  return [*rows, end, _signals(max(amount // 40, 1), draw, scratch)]


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
        preexec_fn=_limit_files,
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

  @contextlib.contextmanager
  def visitor(self) -> Iterator['_Waits']:
    """Has somebody look at the page all the time."""
    waits, is_over = _Waits(), threading.Event()

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


class _Waits:
  """How long a visitor waits."""

  def __init__(self):
    self._seconds, self._problems = [0.0], []

  def add(self, seconds: float, problems: list[str]) -> None:
    self._seconds.append(seconds)
    self._problems += problems

  def longest(self, row: frame.Row) -> str:
    """Returns the longest wait since the last call; problems go to the row."""
    seconds, self._seconds = max(self._seconds), [0.0]
    problems, self._problems = self._problems, []
    row.differences += problems
    if seconds > _WAIT:
      row.differences.append(f'a visitor waits for {seconds:.0f} s')
    return f'longest wait {seconds:.1f} s (at most {_WAIT:.0f})'


def _try(
  attack: Callable[[Page, random.Random], list[str]],
  page: Page,
  draw: random.Random,
) -> list[str]:
  """Returns what is wrong, also if the page does not answer."""
  try:
    return attack(page, draw)
  except (OSError, http.client.HTTPException) as error:
    return [f'no answer: {error!r}']


def _limit_files() -> None:
  _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
  resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, most))


def _address(page: Page, draw: random.Random) -> list[str]:
  number = draw.choice(('9' * 5000, '0', '-1', '1.5', '%00', '1e9', '٣', 'NaN'))
  token = draw.choice(('x' * 32, '..', '%2e%2e', '\x7f', 'a' * 9000))
  path = draw.choice(
    (
      'sessions/{t}/scans/{n}/result',
      'sessions/{t}/scans/{n}/slices/{n}/map{n}.png',
      'sessions/{t}/scans/0/slices/{n}/picture.png',
      'sessions/{t}/files/{n}/000000.dcm',
      'sessions/{t}/{n}',
      'static/{t}/../{n}',
      'static/%2e%2e/server.py',
      '{n}',
    )
  ).format(n=number, t=token)
  method = draw.choice(
    ('GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'get', 'X')
  )
  headers = draw.choice(
    (
      {},
      {'Origin': 'http://['},
      {'Origin': 'null'},
      {'Host': '['},
      {'Host': 'evil.example'},
      {'Range': 'bytes=0-,5-1,9' * 50},
      {'Accept-Encoding': 'x' * 30_000},
      {'Content-Length': '9' * 30},
    )
  )
  path = ''.join(x if ' ' < x < '\x7f' else f'%{ord(x):x}' for x in path)
  return page.ask(method, path, headers=headers)[2]


def _bytes(page: Page, draw: random.Random) -> list[str]:
  content = draw.choice(
    (
      b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      b'GET / HTTP/1.1\r\n\r\n',
      b'GET / HTTP/1.1\r\nHost: localhost\r\nX: ' + b'x' * 100_000,
      b'GET ' + b'/x' * 100_000 + b' HTTP/1.1\r\nHost: localhost\r\n\r\n',
      b'POST /sessions HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n'
      b'\r\n',
      b'PUT /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n'
      b'\r\nzz\r\n',
      b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n' * 2 + b'\x00\r\n\r\n',
      b'GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n',
      draw.randbytes(500) + b'\r\n\r\n',
    )
  )
  with page.raw() as connection:
    # The page may answer before it has taken all.
    with contextlib.suppress(ConnectionError):
      connection.sendall(content)
      connection.shutdown(socket.SHUT_WR)
    answers = b''
    with contextlib.suppress(ConnectionError):
      while part := connection.recv(1 << 16):
        answers += part
  heads = re.findall(rb'HTTP/1\.1 (\d+)[^\n]*\n(.*?)\r\n\r\n', answers, re.S)
  problems = []
  for status, head in heads:
    if status[:1] not in b'24':
      problems.append(f'{content[:40]!r}: {status.decode()}')
    names = {x.split(b':')[0].decode() for x in head.lower().splitlines()}
    problems += [
      f'{content[:40]!r}: {status.decode()}: no header {name}'
      for name in guard.HEADERS.keys() - names
    ]
  return problems


@contextlib.contextmanager
def _session(page: Page, problems: list[str]) -> Iterator[str]:
  path = page.open()
  yield path
  problems += page.ask('POST', f'{path}/close')[2]


def _upload(page: Page, draw: random.Random) -> list[str]:
  problems: list[str] = []
  with _session(page, problems) as path:
    folder = draw.choice(('0', '9999', '10000', '9' * 5000, 'x'))
    name = draw.choice(('000000.dcm', '..%2fx', '000001', 'Doe.dcm', '%0a'))
    kind = draw.randrange(3)
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
      if kind == 0:  # Broken off.
        with page.raw() as connection:
          connection.sendall(
            f'PUT /{path}/files/0/000000 HTTP/1.1\r\nHost: localhost\r\n'
            'Content-Length: 1000\r\n\r\nhalf'.encode()
          )
      else:
        size = draw.choice((0, 10, 1 << 20, 9 << 20))
        url = f'{path}/files/{folder}/{name}'
        problems += page.ask('PUT', url, bytes(size))[2]
        problems += page.ask('PUT', url, b'again')[2]
    for method, rest in draw.choices(
      [
        ('POST', '/find'),
        ('POST', '/find'),
        ('GET', '/found'),
        ('POST', '/scans/0/score'),
        ('GET', '/scans/0/files.zip'),
        ('POST', '/close'),
      ],
      k=4,
    ):
      problems += page.ask(method, f'{path}{rest}')[2]
  return problems


def _file(page: Page, draw: random.Random) -> list[str]:
  problems: list[str] = []
  files = draw.choice(
    (_odd_positions, _encrypted, _other_methods, _damaged, _damaged)
  )(draw)
  with _session(page, problems) as path:
    for i, content in enumerate(files):
      url = f'{path}/files/0/{i:06d}'
      problems += page.ask('PUT', url, content)[2]
    problems += page.ask('POST', f'{path}/find')[2]
    state = page.state(path, 'found')
    _, content, wrong = page.ask('GET', f'{path}/found')
    problems += wrong
    if state['stage'] == 'failed':
      problems += _unexplained(state)
      return problems
    for i, _ in enumerate(json.loads(content)['scans']):
      problems += page.ask('POST', f'{path}/scans/{i}/score')[2]
      problems += _unexplained(page.state(path, 'scored'))
      for rest in ('result', 'report.html', 'files.zip'):
        problems += page.ask('GET', f'{path}/scans/{i}/{rest}')[2]
  return problems


def _unexplained(state: Mapping) -> list[str]:
  text = str(state.get('error'))
  return [text] if 'program failed' in text else []


def _dicom(**tags: object) -> bytes:
  data = pydicom.Dataset()
  data.file_meta = pydicom.dataset.FileMetaDataset()
  data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
  y, x = np.mgrid[:64, :64] / 64 - 0.5
  values = np.where(np.hypot(x, y) < 0.45, 1064, 24)
  values[np.hypot(np.abs(x) - 0.2, y) < 0.15] = 174
  fields = {
    'SOPClassUID': pydicom.uid.CTImageStorage,
    'SOPInstanceUID': pydicom.uid.generate_uid(),
    'SeriesInstanceUID': '1.2.3',
    'Modality': 'CT',
    'ImageOrientationPatient': [1, 0, 0, 0, 1, 0],
    'RescaleSlope': 1,
    'RescaleIntercept': -1024,
    'Rows': 64,
    'Columns': 64,
    'BitsAllocated': 16,
    'BitsStored': 16,
    'HighBit': 15,
    'PixelRepresentation': 0,
    'SamplesPerPixel': 1,
    'PhotometricInterpretation': 'MONOCHROME2',
    'PixelData': values.astype(np.uint16).tobytes(),
    **tags,
  }
  for name, value in fields.items():
    setattr(data, name, value)
  buffer = io.BytesIO()
  pydicom.dcmwrite(buffer, data, enforce_file_format=True)
  return buffer.getvalue()


def _odd_positions(draw: random.Random) -> list[bytes]:
  # With the same length, since the value is replaced in the file.
  odd = draw.choice(
    (b'1.7e308', b'-1e+308', b'NaN    ', b'inf    ', b'1e-320 ')
  )
  content = [
    _dicom(ImagePositionPatient=['0', '0', f'1000.0{i}']) for i in range(4)
  ]
  return [content[0], content[1].replace(b'1000.01', odd), *content[2:]]


def _encrypted(draw: random.Random) -> list[bytes]:
  content = bytearray(_zip(zipfile.ZIP_DEFLATED))
  for mark, place in ((b'PK\3\4', 6), (b'PK\1\2', 8)):
    content[content.index(mark) + place] |= 1
  return [bytes(content)]


def _other_methods(draw: random.Random) -> list[bytes]:
  content = bytearray(_zip(draw.choice((zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2))))
  for _ in range(draw.randrange(3)):
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
  return [bytes(content)]


def _damaged(draw: random.Random) -> list[bytes]:
  picture = io.BytesIO()
  Image.new('L', (64, 64), 99).save(picture, 'PNG')
  whole = [_dicom(), _zip(zipfile.ZIP_DEFLATED), picture.getvalue()]
  content = bytearray(draw.choice(whole))
  for _ in range(draw.randrange(1, 9)):
    content[draw.randrange(len(content))] = draw.randrange(256)
  return [bytes(content[: draw.choice((None, len(content) // 2))])]


def _zip(method: int) -> bytes:
  buffer = io.BytesIO()
  with zipfile.ZipFile(buffer, 'w', method) as file:
    file.writestr('a\x1b[2K/1.dcm', _dicom())
  return buffer.getvalue()


def _slow(page: Page, draw: random.Random) -> list[str]:
  problems: list[str] = []
  with _session(page, problems) as path:
    heads = [
      'GET / HTTP/1.1\r\nHost: loc',
      f'PUT /{path}/files/0/000000 HTTP/1.1\r\nHost: localhost\r\n'
      'Content-Length: 1000\r\n\r\n',
      f'GET /{path}/events HTTP/1.1\r\nHost: localhost\r\n\r\n',
      f'GET /{path}/static/main.js HTTP/1.1\r\nHost: localhost\r\n\r\n' * 50,
    ]
    with contextlib.ExitStack() as stack:
      for _ in range(40):
        connection = stack.enter_context(page.raw())
        # Others may have taken its place.
        with contextlib.suppress(OSError):
          connection.sendall(draw.choice(heads).encode())
      time.sleep(0.3)
  return problems


def _idle(page: Page, draw: random.Random) -> list[str]:
  del draw
  _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
  resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, most), most))
  with contextlib.ExitStack() as stack:
    for _ in range(_IDLE):
      connection = stack.enter_context(socket.socket())
      connection.setblocking(False)
      connection.connect_ex(('127.0.0.1', page.port))
    time.sleep(3)
    return page.ask('GET', '')[2]


def _reports(page: Page, draw: random.Random) -> list[str]:
  del draw
  problems: list[str] = []
  with _session(page, problems) as path:
    for i in range(4):
      content = _dicom(ImagePositionPatient=[0, 0, i])
      problems += page.ask('PUT', f'{path}/files/0/{i:06d}', content)[2]
    problems += page.ask('POST', f'{path}/find')[2]
    page.state(path, 'found')
    problems += page.ask('POST', f'{path}/scans/0/score')[2]
    page.state(path, 'scored')
    # More than the page has threads.
    with contextlib.ExitStack() as stack:
      for _ in range(60):
        stack.enter_context(page.raw()).sendall(
          f'GET /{path}/scans/0/files.zip HTTP/1.1\r\n'
          'Host: localhost\r\n\r\n'.encode()
        )
      time.sleep(5)
  return problems


def _signals(
  count: int, draw: random.Random, scratch: pathlib.Path
) -> frame.Row:
  """Ends pages at a random moment of an upload, a search and a scoring."""
  row = frame.Row(place='signals')
  for i in range(count):
    name = _SIGNALS[i % len(_SIGNALS)]
    with Page(scratch) as page:
      path = page.open()
      for n in range(draw.choice((1, 20))):
        content = _dicom(ImagePositionPatient=[0, 0, n])
        page.ask('PUT', f'{path}/files/0/{n:06d}', content)
      uploading = page.raw()
      uploading.sendall(
        f'PUT /{path}/files/1/000000 HTTP/1.1\r\nHost: localhost\r\n'
        'Content-Length: 1000\r\n\r\nhalf'.encode()
      )
      moment = draw.choice(('uploading', 'finding', 'scoring'))
      if moment != 'uploading':
        page.ask('POST', f'{path}/find')
      if moment == 'scoring':
        page.state(path, 'found')
        page.ask('POST', f'{path}/scans/0/score')
      time.sleep(draw.uniform(0, 0.5))
      row.tries += 1
      row.differences += page.stop(getattr(signal, name))
      uploading.close()
      if name == 'SIGKILL':
        with Page(scratch) as another:
          row.differences += another.stop(signal.SIGINT)
      row.strays += [f'{x} after {name}, {moment}' for x in page.left()]
  return row
