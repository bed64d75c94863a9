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
import json
import pathlib
import random
import re
import resource
import signal
import socket
import time

from bit_covid.app import guard
from tests.trials import frame
from tests.trials.frame import attacked_page
from tests.trials.frame import hostile_scans

_SIGNALS = ('SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGKILL')
# More than the page may have open files.
_IDLE = 1100


def run(
  *, amount: int = 600, seed: int, scratch: pathlib.Path
) -> list[frame.Row]:
  """Returns a row for each kind of attack."""
  draw = random.Random(seed)
  rows = []
  with attacked_page.Page(scratch) as page, page.visitor() as waits:
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


def _try(
  attack: Callable[[attacked_page.Page, random.Random], list[str]],
  page: attacked_page.Page,
  draw: random.Random,
) -> list[str]:
  """Returns what is wrong, also if the page does not answer."""
  try:
    return attack(page, draw)
  except (OSError, http.client.HTTPException) as error:
    return [f'no answer: {error!r}']


def _address(page: attacked_page.Page, draw: random.Random) -> list[str]:
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


def _bytes(page: attacked_page.Page, draw: random.Random) -> list[str]:
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
    # The page may answer, and hang up, before it has taken all.
    with contextlib.suppress(OSError):
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
def _session(page: attacked_page.Page, problems: list[str]) -> Iterator[str]:
  path = page.open()
  yield path
  problems += page.ask('POST', f'{path}/close')[2]


def _upload(page: attacked_page.Page, draw: random.Random) -> list[str]:
  problems: list[str] = []
  with _session(page, problems) as path:
    folder = draw.choice(('0', '9999', '10000', '9' * 5000, 'x'))
    name = draw.choice(('000000.dcm', '..%2fx', '000001', 'Doe.dcm', '%0a'))
    kind = draw.randrange(3)
    with contextlib.suppress(ConnectionError, http.client.HTTPException):
      if kind == 0:  # Broken off.
        page.send_half(path).close()
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


def _file(page: attacked_page.Page, draw: random.Random) -> list[str]:
  problems: list[str] = []
  with _session(page, problems) as path:
    for i, content in enumerate(hostile_scans.draw_files(draw)):
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


def _slow(page: attacked_page.Page, draw: random.Random) -> list[str]:
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


def _idle(page: attacked_page.Page, draw: random.Random) -> list[str]:
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


def _reports(page: attacked_page.Page, draw: random.Random) -> list[str]:
  del draw
  problems: list[str] = []
  with _session(page, problems) as path:
    for i in range(4):
      content = hostile_scans.dicom(ImagePositionPatient=[0, 0, i])
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
    with attacked_page.Page(scratch) as page:
      path = page.open()
      for n in range(draw.choice((1, 20))):
        content = hostile_scans.dicom(ImagePositionPatient=[0, 0, n])
        page.ask('PUT', f'{path}/files/0/{n:06d}', content)
      uploading = page.send_half(path)
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
        with attacked_page.Page(scratch) as another:
          row.differences += another.stop(signal.SIGINT)
      row.strays += [f'{x} after {name}, {moment}' for x in page.left()]
  return row
