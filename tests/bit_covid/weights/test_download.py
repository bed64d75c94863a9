# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Downloads over a network that fails: whole files, or one line that helps."""

from concurrent import futures
import contextlib
import io
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import types

import numpy as np
import pytest

from bit_covid.base import disk
from bit_covid.weights import download as download_lib
from bit_covid.weights import transfer
from tests import file_server
from tests.file_server import send
from tests.file_server import status


def _make_npz(first):
  file = io.BytesIO()
  np.savez(file, x=first + np.arange(128_000, dtype=np.float32))
  return file.getvalue()


CONTENT, OTHER = _make_npz(0), _make_npz(1)
# Where connections break: after some chunks, as less is not kept.
CUT = 18 * transfer._CHUNK_BYTES


@pytest.fixture(autouse=True)
def impatience(monkeypatch):
  """Without waiting, and without a proxy that this machine may have."""
  monkeypatch.setattr(download_lib, '_WAIT', 0)
  monkeypatch.setattr(transfer, '_TIMEOUT', (1, 0.2))
  for name in ('http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'):
    monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server():
  with file_server.running(CONTENT) as server:
    yield server


@pytest.fixture
def path(tmp_path):
  return tmp_path / 'cache/a.npz'


def _download(url, path, accept=lambda partial: None):
  download_lib.download(f'{url}a.npz', path, accept=accept)


def _fail(url, path, accept=lambda partial: None):
  """Returns the message of a download that fails, and checks its form."""
  with pytest.raises(ConnectionError) as error:
    _download(url, path, accept)
  message = str(error.value)
  assert message.startswith(f'Could not download {url}a.npz to {path}: ')
  assert message.endswith(', or download it elsewhere and put it at that path.')
  assert '\n' not in message
  assert not path.exists()
  return message


def _others(path):
  """Returns the names of the files beside it, apart from the lock."""
  return sorted({x.name for x in path.parent.iterdir()} - {path.name, '.lock'})


def test_whole_file_and_nothing_else(server, path):
  _download(server.url, path)
  assert path.read_bytes() == CONTENT
  assert server.requests == [('/a.npz', None)]
  assert not _others(path)


@pytest.mark.parametrize(
  'fault',
  [
    send(cut=CUT),
    send(cut=CUT, stall=0.4),
    send(cut=CUT, declares_length=False),
  ],
  ids=['cut', 'stalled', 'no_length'],
)
def test_cut_file_goes_on_or_begins_anew(server, path, fault):
  server.answers = [fault, fault]
  _download(server.url, path)
  assert path.read_bytes() == CONTENT
  assert not _others(path)


def test_cut_file_goes_on_with_its_last_byte(server, path):
  server.answers = [send(cut=CUT), send(cut=3 * transfer._CHUNK_BYTES)]
  _download(server.url, path)
  ranges = [x for _, x in server.requests]
  assert ranges == [None, 'bytes=294911-', 'bytes=344062-']
  assert path.read_bytes() == CONTENT


def test_as_many_cuts_as_there_are_while_each_brings_it_further(server, path):
  server.answers = [send(cut=100_000)] * 5
  _download(server.url, path)
  assert len(server.requests) == 6
  assert path.read_bytes() == CONTENT


def test_a_later_process_goes_on_after_a_failure(server, path):
  server.answers = [send(cut=CUT)] + [send(cut=0)] * 3
  assert 'it was cut off' in _fail(server.url, path)
  assert _others(path) == ['.a.npz.5d-41.part']
  _download(server.url, path)
  assert server.requests[-1] == ('/a.npz', 'bytes=294911-')
  assert path.read_bytes() == CONTENT
  assert not _others(path)


def test_another_version_is_not_mixed_with_what_was_kept(server, path):
  server.sends_md5 = False
  server.answers = [send(cut=CUT)] + [status(403)]
  _fail(server.url, path)
  server.content, server.etag = OTHER, '"new"'
  _download(server.url, path)
  assert path.read_bytes() == server.content
  assert not _others(path)


@pytest.mark.parametrize(
  ('etag', 'content_range'),
  [
    ('"new"', 'bytes 294911-512255/512256'),
    ('"5d-41"', 'bytes 294910-512255/512256'),
    ('"5d-41"', 'bytes 294911-512254/512256'),
    ('"5d-41"', ''),
  ],
)
def test_answer_that_does_not_fit_what_is_kept(
  server, path, etag, content_range
):
  def another_part(handler):
    headers = {'Content-Range': content_range, 'ETag': etag}
    file_server.reply(handler, 206, headers)
    handler.wfile.write(CONTENT[294_911:])

  server.answers = [send(cut=CUT), another_part]
  _download(server.url, path)
  assert path.read_bytes() == CONTENT
  assert [x for _, x in server.requests] == [None, 'bytes=294911-', None]


@pytest.mark.parametrize('etag', [None, 'W/"weak"', '"a/b"'])
def test_without_a_useful_etag_it_begins_anew(server, path, etag):
  server.etag = etag
  server.answers = [send(cut=CUT)]
  _download(server.url, path)
  assert [x for _, x in server.requests] == [None, None]
  assert path.read_bytes() == CONTENT
  assert not _others(path)


def test_what_is_kept_is_longer_than_the_file(server, path):
  path.parent.mkdir()
  path.with_name('.a.npz.5d-41.part').write_bytes(CONTENT + b'more')
  server.answers = [status(416)]
  _download(server.url, path)
  assert path.read_bytes() == CONTENT


@pytest.mark.parametrize('kept', [b'', CONTENT[:1], CONTENT])
def test_a_killed_process_left_any_part(server, path, kept):
  path.parent.mkdir()
  path.with_name('.a.npz.5d-41.part').write_bytes(kept)
  path.with_name('.a.npz.sha256.partial').write_bytes(b'')
  _download(server.url, path)
  assert path.read_bytes() == CONTENT
  assert not _others(path)


def test_one_other_byte_is_found_by_the_md5(server, path):
  wrong = CONTENT + b'x'
  server.answers = [send(content=wrong)] * 3
  assert 'the bytes that came are damaged' in _fail(server.url, path)
  assert not _others(path)
  # Also if it came first and the rest is right.
  server.answers = [send(content=CONTENT[:9] + b'x' + CONTENT[10:], cut=99)]
  _download(server.url, path)
  assert path.read_bytes() == CONTENT


def test_a_refused_file_is_not_kept(server, path):
  def refuse(partial):
    assert partial.read_bytes() == CONTENT
    raise ValueError(f'{partial} is another network.')

  message = _fail(server.url, path, refuse)
  assert 'what the server sent is another network. Try again later' in message
  assert not _others(path)
  assert len(server.requests) == 1


def test_page_of_a_network_that_wants_a_login(server, path):
  def page(handler):
    file_server.reply(handler, 200, {})
    handler.wfile.write(b'<!DOCTYPE html><title>Wi-Fi</title>')

  server.answers = [page]
  message = _fail(server.url, path)
  assert 'no .npz file but begins with b' in message
  assert '<!DOCTYPE html>' in message
  assert 'Open the URL in a browser' in message
  # It takes nothing from what was there before.
  server.answers = [send(cut=CUT), page]
  _fail(server.url, path)
  assert _others(path) == ['.a.npz.5d-41.part']


@pytest.mark.parametrize(
  ('code', 'tries', 'text'),
  [
    (404, 1, 'the server answers 404 Not Found. Check the name'),
    (403, 1, 'the server answers 403 Forbidden. Try again later'),
    (204, 1, 'the server answers 204 No Content'),
    (503, 3, 'the server answers 503 Service Unavailable'),
    (429, 3, 'the server answers 429 Too Many Requests'),
  ],
)
def test_status(server, path, code, tries, text):
  server.answers = [status(code)] * 9
  assert text in _fail(server.url, path)
  assert len(server.requests) == tries
  assert not _others(path)


def test_server_says_how_long_to_wait(server, path, monkeypatch):
  waits = []
  sleep = types.SimpleNamespace(sleep=waits.append)
  monkeypatch.setattr(download_lib, 'time', sleep)
  server.answers = [status(503, Retry_After='7'), status(503, Retry_After='0')]
  _download(server.url, path)
  assert waits == [7, 0]
  server.answers = [status(503, Retry_After='3600')]
  path.unlink()
  assert 'and asks to wait 3600 s' in _fail(server.url, path)


def test_redirects(server, path):
  server.answers = [status(302, Location=f'{server.url}b.npz')]
  _download(server.url, path)
  assert [x for x, _ in server.requests] == ['/a.npz', '/b.npz']
  path.unlink()
  server.answers = [status(302, Location='/a.npz')] * 99
  assert 'Exceeded 30 redirects' in _fail(server.url, path)


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
  if not shutil.which('openssl'):
    pytest.skip('openssl is not installed')
  file = tmp_path_factory.mktemp('tls') / 'server.pem'
  command = 'openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256'
  command += ' -nodes -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1'
  subprocess.run(
    [*command.split(), '-keyout', file, '-out', file],
    check=True,
    capture_output=True,
  )
  # The certificate comes after the key.
  return file


def test_encryption(certificate, server, path, monkeypatch):
  with file_server.running(CONTENT, certificate=certificate) as encrypted:
    message = _fail(encrypted.url, path)
    assert 'certificate verify failed' in message
    assert 'Check the clock of this machine' in message
    monkeypatch.setenv('REQUESTS_CA_BUNDLE', str(certificate))
    server.answers = [status(301, Location=f'{encrypted.url}a.npz')]
    _download(server.url, path)
    assert path.read_bytes() == CONTENT
    path.unlink()
    # Also if it goes back to an encrypted one.
    encrypted.answers = [status(301, Location=f'{server.url}a.npz')]
    server.answers = [status(301, Location=f'{encrypted.url}a.npz')]
    message = _fail(encrypted.url, path)
    assert f'redirects to {server.url}a.npz, without encryption' in message


def _free_port():
  with socket.create_server(('127.0.0.1', 0)) as listener:
    return listener.getsockname()[1]


def test_machine_without_a_network(path, monkeypatch):
  def no_name(*args, **kwargs):
    raise socket.gaierror(-2, 'Name or service not known')

  message = _fail(f'http://127.0.0.1:{_free_port()}/', path)
  assert 'Connection refused. Check the network, and set HTTPS_PROXY' in message
  monkeypatch.setattr(socket, 'getaddrinfo', no_name)
  message = _fail('https://storage.example/', path)
  assert 'Name or service not known' in message
  assert 'Check the network' in message
  assert not _others(path)


def test_server_that_says_nothing(path):
  with socket.create_server(('127.0.0.1', 0)) as listener:
    url = f'http://127.0.0.1:{listener.getsockname()[1]}/'
    assert 'Read timed out' in _fail(url, path)


def test_proxy(server, path, monkeypatch):
  monkeypatch.setenv('HTTP_PROXY', server.url)
  _download('http://storage.example/', path)
  # To a proxy a request names the whole URL.
  assert server.requests == [('http://storage.example/a.npz', None)]
  path.unlink()
  monkeypatch.setenv('HTTP_PROXY', f'http://127.0.0.1:{_free_port()}')
  assert 'Check HTTPS_PROXY and NO_PROXY' in _fail(
    'http://storage.example/', path
  )
  monkeypatch.setenv('NO_PROXY', '127.0.0.1')
  _download(server.url, path)
  assert path.read_bytes() == CONTENT


def test_one_downloads_and_the_others_wait(server, path, monkeypatch, capsys):
  released = threading.Event()

  def slow(handler):
    released.wait()
    send()(handler)

  monkeypatch.setattr(transfer, '_TIMEOUT', (1, 60))
  server.answers = [slow]
  with futures.ThreadPoolExecutor() as pool:
    both = [pool.submit(_download, server.url, path) for _ in range(2)]
    while 'Waiting for another process' not in capsys.readouterr().err:
      time.sleep(0.01)
    assert not path.exists()
    released.set()
  for future in both:
    future.result()
  assert path.read_bytes() == CONTENT
  assert len(server.requests) == 1
  assert not _others(path)


def test_full_disk(server, path, monkeypatch):
  free = shutil.disk_usage(path.parents[1])._replace(free=9)
  monkeypatch.setattr(shutil, 'disk_usage', lambda folder: free)
  with pytest.raises(OSError, match='No space') as caught:
    _download(server.url, path)
  assert disk.problem(caught.value) == (
    f'{path} has no room on its disk; {len(CONTENT):,} bytes are needed; 9 '
    'bytes are free. Make room, then give the same command again.'
  )


def test_disk_that_fills_up_keeps_what_was_written(server, path, monkeypatch):
  def fill_up(self, *args):
    raise OSError(28, 'No space left on device')

  with monkeypatch.context() as patched:
    patched.setattr(pathlib.Path, 'replace', fill_up)
    with pytest.raises(OSError, match=r'No space left.*a\.npz'):
      _download(server.url, path)
  assert _others(path) == ['.a.npz.5d-41.part']
  _download(server.url, path)
  assert path.read_bytes() == CONTENT


def test_interrupted_by_the_user(server, path):
  def interrupt(partial):
    raise KeyboardInterrupt

  with contextlib.suppress(KeyboardInterrupt):
    _download(server.url, path, interrupt)
  assert not path.exists()
  _download(server.url, path)
  assert path.read_bytes() == CONTENT
