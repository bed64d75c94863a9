# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A server on this machine that fails as servers and networks do."""

import base64
from collections.abc import Callable
import contextlib
import hashlib
import http.server
import ssl
import threading
import time


class Server(http.server.ThreadingHTTPServer):
  """Serves one file under any path.

  `answers` are taken in turn, one a request; then the file is sent as Google
  Cloud Storage sends it.
  """

  daemon_threads = True

  def __init__(self, content: bytes, *, certificate=None):
    super().__init__(('127.0.0.1', 0), _Handler)
    self.content = content
    self.answers: list[Callable] = []
    self.etag: str | None = '"5d-41"'
    self.sends_md5 = True
    # The path of each request and its header Range.
    self.requests: list[tuple[str, str | None]] = []
    self.scheme = 'http'
    if certificate:
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain(certificate)
      self.socket = context.wrap_socket(self.socket, server_side=True)
      self.scheme = 'https'

  @property
  def url(self):
    return f'{self.scheme}://127.0.0.1:{self.server_port}/'

  def handle_error(self, request, client_address):
    pass  # A client that has gone, as many do here.


class _Handler(http.server.BaseHTTPRequestHandler):
  def do_GET(self):
    self.server.requests.append((self.path, self.headers.get('Range')))
    answers = self.server.answers
    with contextlib.suppress(ConnectionError):
      (answers.pop(0) if answers else send())(self)

  def log_message(self, *args):
    pass


@contextlib.contextmanager
def running(content, **options):
  with Server(content, **options) as server:
    serve = server.serve_forever
    threading.Thread(target=serve, args=[0.01], daemon=True).start()
    yield server
    server.shutdown()


def send(
  *,
  cut=None,
  pause=0.0,
  stall=0.0,
  content=None,
  declares_length=True,
  **headers,
):
  """Returns an answer with the file, or with what the request wants of it.

  Args:
    cut: close the connection after so many bytes.
    pause: seconds after each of the pieces in which it is sent.
    stall: seconds without a byte before the connection is closed.
    content: send this instead of the file.
    declares_length: whether there is a Content-Length.
    **headers: others than the usual ones; '_' stands for '-'.
  """

  def answer(handler):
    server = handler.server
    body = server.content if content is None else content
    start, etag = 0, server.etag
    wanted = handler.headers.get('Range')
    if wanted and handler.headers.get('If-Range') == etag:
      start = int(wanted.removeprefix('bytes=').removesuffix('-'))
    sent = {'Content-Length': str(len(body) - start)}
    if start:
      sent['Content-Range'] = f'bytes {start}-{len(body) - 1}/{len(body)}'
    if etag:
      sent['ETag'] = etag
    if server.sends_md5:
      digest = base64.b64encode(hashlib.md5(server.content).digest()).decode()
      sent['x-goog-hash'] = f'crc32c=AAAAAA==, md5={digest}'
    if not declares_length:
      del sent['Content-Length']
    sent |= {key.replace('_', '-'): value for key, value in headers.items()}
    reply(handler, 206 if start else 200, sent)
    body = body[start:][:cut]
    piece = 1 << 14 if pause else max(len(body), 1)
    for first in range(0, len(body), piece):
      handler.wfile.write(body[first : first + piece])
      time.sleep(pause)
    time.sleep(stall)

  return answer


def status(code, **headers):
  """Returns an answer with a status and a page for people."""

  def answer(handler):
    reply(handler, code, {x.replace('_', '-'): y for x, y in headers.items()})
    handler.wfile.write(b'<html>Sorry</html>')

  return answer


def reply(handler, code, headers):
  handler.send_response(code)
  for key, value in headers.items():
    handler.send_header(key, value)
  handler.end_headers()
