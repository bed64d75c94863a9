# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""One attempt to download an .npz file over HTTP, or the rest of it."""

import base64
from collections.abc import Mapping
import functools
import hashlib
import itertools
import pathlib
import re

import requests

from bit_covid.base import disk
from bit_covid.weights import npz_archive
from bit_covid.weights import partial_file

# Seconds to connect, and to wait for the next bytes.
_TIMEOUT = (10, 30)
# Of a chunk that does not come to its end nothing is kept.
_CHUNK_BYTES = 1 << 14
# What a server answers that is overloaded or restarts.
_BUSY = (408, 429, 500, 502, 503, 504)
_ZIP_START = b'PK\3\4'
# As Google Cloud Storage sends it, unless the file was uploaded in parts.
_MD5 = re.compile(r'\bmd5=([\w+/]+=*)')

_LATER = 'Try again later'
# For errors of a connection; the first that fits.
_REMEDIES = {
  requests.exceptions.SSLError: 'Check the clock of this machine, update the '
  'package certifi, or set REQUESTS_CA_BUNDLE to the certificates of your '
  'network',
  requests.exceptions.ProxyError: 'Check HTTPS_PROXY and NO_PROXY',
  requests.exceptions.ConnectionError: 'Check the network, and set HTTPS_PROXY '
  'if it needs a proxy',
  requests.exceptions.RequestException: _LATER,
}
# Those after which another attempt may succeed, apart from errors of TLS.
_TRANSIENT = (
  requests.exceptions.ConnectionError,
  requests.exceptions.Timeout,
  requests.exceptions.ChunkedEncodingError,
)


class FailedError(Exception):
  """An attempt failed.

  Attributes:
    remedy: what the user can do.
    is_final: whether another attempt would fail as well.
    wait: seconds that the server asks to wait before another attempt.
  """

  def __init__(
    self,
    reason: str,
    *,
    remedy: str = _LATER,
    is_final: bool = False,
    wait: int = 0,
  ):
    super().__init__(reason.rstrip('.'))
    self.remedy = remedy
    self.is_final = is_final
    self.wait = wait


def receive(url: str, path: pathlib.Path) -> pathlib.Path:
  """Returns the partial file of a path, after receiving all of it.

  Raises:
    FailedError: the file did not come, or not whole. What came is kept if it
      can be continued.
    OSError: the disk has no room, or failed.
  """
  try:
    return _receive(url, path)
  except requests.RequestException as error:
    remedy = next(y for x, y in _REMEDIES.items() if isinstance(error, x))
    is_tls = isinstance(error, requests.exceptions.SSLError)
    is_final = is_tls or not isinstance(error, _TRANSIENT)
    reason = _innermost(error)
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
      reason = 'it was cut off'
    raise FailedError(reason, remedy=remedy, is_final=is_final) from error


def _innermost(error: BaseException) -> str:
  """Returns the text of the error that urllib3 and requests have wrapped."""
  inner = [getattr(error, 'reason', None), *error.args]
  inner = [x for x in inner if isinstance(x, BaseException)]
  return _innermost(inner[0]) if inner else str(error) or type(error).__name__


def _receive(url: str, path: pathlib.Path) -> pathlib.Path:
  kept, etag = partial_file.find(path)
  # An encoding for the transfer would change length and ranges.
  headers = {'Accept-Encoding': 'identity'}
  start = 0
  if kept:
    # Its last byte is asked for again, as no range is without a byte.
    start = max(kept.stat().st_size - 1, 0)
    headers |= {'Range': f'bytes={start}-', 'If-Range': etag}
  with requests.get(
    url, headers=headers, timeout=_TIMEOUT, stream=True
  ) as answer:
    _check_answer(answer)
    partial = partial_file.of_version(path, answer.headers.get('ETag', ''))
    if answer.status_code == 200:
      start = 0
    elif partial != kept or not _is_rest(answer, start):
      partial_file.remove(path)
      raise FailedError('the server does not continue the file that it began')
    chunks = answer.iter_content(_CHUNK_BYTES)
    first = next(chunks, b'')
    if not start:
      _check_start(first)
    partial_file.remove(path, keep=partial)
    length = answer.headers.get('Content-Length', '')
    total = start + int(length) if length.isdecimal() else None
    disk.check_room(path, (total or 0) - start)
    chunks = itertools.chain([first], chunks)
    partial_file.write(partial, chunks, start=start, total=total)
  try:
    _check_md5(partial, answer.headers)
    # For a server that names no md5, or was given a damaged file.
    npz_archive.check_members(partial)
  except ValueError as error:
    partial.unlink()
    raise FailedError('the bytes that came are damaged') from error
  return partial


def _check_answer(answer: requests.Response) -> None:
  first, *others = (x.url for x in (*answer.history, answer))
  plain = [x for x in others if not x.startswith('https:')]
  if first.startswith('https:') and plain:
    reason = f'the server redirects to {plain[0]}, without encryption'
    raise FailedError(reason, is_final=True)
  status = answer.status_code
  # 416: what is kept is longer than the file.
  if status in (200, 206, 416):
    return
  wait = answer.headers.get('Retry-After', '')
  wait = int(wait) if wait.isdecimal() else 0
  asks = f' and asks to wait {wait} s' if wait else ''
  raise FailedError(
    f'the server answers {status} {answer.reason}{asks}',
    remedy='Check the name' if status == 404 else _LATER,
    is_final=status not in _BUSY,
    wait=wait,
  )


def _is_rest(answer: requests.Response, start: int) -> bool:
  """Returns whether the answer is the file from `start` to its end."""
  content_range = answer.headers.get('Content-Range', '')
  found = re.fullmatch(rf'bytes {start}-(\d+)/(\d+)', content_range)
  return found is not None and int(found[1]) + 1 == int(found[2])


def _check_start(first: bytes) -> None:
  if not first.startswith(_ZIP_START):
    raise FailedError(
      f'the answer is no .npz file but begins with {first[:30]!r}',
      remedy='Open the URL in a browser, as the network may want a login',
      is_final=True,
    )


def _check_md5(partial: pathlib.Path, headers: Mapping[str, str]) -> None:
  found = _MD5.search(headers.get('x-goog-hash', ''))
  if found is None:
    return
  # Against damage, not intent; some machines allow MD5 for that alone.
  md5 = functools.partial(hashlib.md5, usedforsecurity=False)
  with partial.open('rb') as file:
    digest = hashlib.file_digest(file, md5).digest()
  actual = base64.b64encode(digest).decode()
  if actual != found[1]:
    raise ValueError(f'{partial} has the md5 {actual}, expected {found[1]}')
