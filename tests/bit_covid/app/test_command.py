# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line: what it refuses, and what it says before it serves."""

import contextlib
import http.client
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import pytest

from bit_covid.app import command


def _error(capsys, *arguments):
  code = command.main(['--checkpoint=none', *arguments])
  lines = capsys.readouterr().err.strip().splitlines()
  assert code == 2
  assert len(lines) == 1
  return lines[0]


@pytest.mark.parametrize(
  ('argument', 'expected'),
  [
    ('--max_mb=0', '--max_mb=0; expected 1 or more.'),
    ('--max_files=-1', '--max_files=-1; expected 1 or more.'),
    ('--max_pages=0', '--max_pages=0; expected 1 or more.'),
    ('--port=65536', '--port=65536; expected 0 (any) to 65535.'),
    ('--host=no.such.host.invalid', '--host=no.such.host.invalid: '),
    ('--host=192.0.2.1', 'Cannot listen at 192.0.2.1, port'),
  ],
)
def test_errors_are_one_line(capsys, argument, expected):
  pytest.importorskip('uvicorn', reason='needs the extra app')
  assert expected in _error(capsys, argument)


def test_a_missing_checkpoint_is_named(capsys):
  pytest.importorskip('uvicorn', reason='needs the extra app')
  code = command.main(['--checkpoint=none', '--port=0'])
  assert code == 2
  assert "'none'" in capsys.readouterr().err


def test_without_the_extra_it_says_what_to_install(capsys, monkeypatch):
  find_spec = importlib.util.find_spec
  monkeypatch.setattr(
    importlib.util,
    'find_spec',
    lambda name: None if name == 'uvicorn' else find_spec(name),
  )
  error = _error(capsys)
  assert "'uvicorn', which is not installed" in error
  assert error.endswith("pip install 'bit-covid[app]'")


def test_help_has_examples(capsys):
  with pytest.raises(SystemExit):
    command.main(['--help'])
  text = capsys.readouterr().out
  assert 'python -m bit_covid.app --checkpoint=runs/bit_m' in text
  assert 'not a medical device' in text


def test_a_port_that_is_taken():
  with command.listen('127.0.0.1', 0) as taken:
    port = taken.getsockname()[1]
    with pytest.raises(ValueError, match=f'port {port}: .*Name another'):
      command.listen('127.0.0.1', port)


def test_another_port_is_found_where_none_was_named(monkeypatch):
  with command.listen('127.0.0.1', 0) as taken:
    monkeypatch.setattr(command, '_PORT', taken.getsockname()[1])
    with command.listen('127.0.0.1', None) as other:
      assert other.getsockname()[1] not in (0, taken.getsockname()[1])


def test_where_it_listens_and_who_reaches_it():
  pytest.importorskip('uvicorn', reason='needs the extra app')
  from bit_covid.app import server

  with command.listen('127.0.0.1', 0) as local:
    port = local.getsockname()[1]
    assert server.is_local(local)
    assert server.address(local) == f'http://127.0.0.1:{port}/'
  with command.listen('0.0.0.0', 0) as everywhere:
    port = everywhere.getsockname()[1]
    assert not server.is_local(everywhere)
    assert (
      server.address(everywhere) == f'http://{socket.gethostname()}:{port}/'
    )


@pytest.mark.parametrize('host', ['127.0.0.1', '0.0.0.0'])
def test_it_warns_where_others_reach_it(host, classifier, capsys, monkeypatch):
  pytest.importorskip('uvicorn', reason='needs the extra app')
  from bit_covid.app import server
  from bit_covid.inference import load

  served = []
  monkeypatch.setattr(load, 'load', lambda name, *, flips: classifier)
  monkeypatch.setattr(
    server, 'run', lambda *_, **options: served.append(options)
  )
  arguments = [
    '--checkpoint=Textures-M-tiny',
    f'--host={host}',
    '--port=0',
    '--max_mb=7',
  ]
  assert command.main([*arguments, '--allow_host=a', '--no_browser']) == 0
  assert ('nothing on the way is encrypted' in capsys.readouterr().out) == (
    host == '0.0.0.0'
  )
  (options,) = served
  assert options['limits'].bytes == 7 << 20
  assert options['hosts'] == ['a']
  assert not options['opens_browser']


@pytest.mark.parametrize(
  'signum', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
)
def test_a_signal_in_an_upload_leaves_nothing(
  signum, classifier, wait_until, tmp_path, monkeypatch, capsys
):
  pytest.importorskip('uvicorn', reason='needs the extra app')
  from bit_covid.inference import load

  monkeypatch.setattr(load, 'load', lambda name, *, flips: classifier)
  monkeypatch.setattr(load, 'warm_up', lambda network: 0.0)
  monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
  listener = command.listen('127.0.0.1', 0)
  monkeypatch.setattr(command, 'listen', lambda host, port: listener)
  place = listener.getsockname()
  left, waits = [], []

  def upload():
    with socket.create_connection(place, timeout=60) as connection:
      connection.sendall(b'POST /sessions HTTP/1.1\r\nHost: localhost\r\n\r\n')
      answer = http.client.HTTPResponse(connection)
      answer.begin()
      token = json.loads(answer.read())['token']
      connection.sendall(
        f'PUT /sessions/{token}/files/0/000000 HTTP/1.1\r\n'
        'Host: localhost\r\nContent-Length: 99\r\n\r\nhalf'.encode()
      )
      wait_until(lambda: list(tmp_path.rglob('000000')))
      left.extend(tmp_path.iterdir())
      start = time.monotonic()
      os.kill(os.getpid(), signum)
      with contextlib.suppress(ConnectionError):
        connection.recv(1)
      waits.append(time.monotonic() - start)

  thread = threading.Thread(target=upload)
  thread.start()
  code = command.main(['--checkpoint=Textures-M-tiny', '--no_browser'])
  thread.join()
  assert code == 128 + signum
  assert capsys.readouterr().err == '\nStopped. Nothing of any scan is kept.\n'
  assert left
  assert not list(tmp_path.iterdir())
  # It does not wait for the rest of the file.
  assert waits[0] < 20


@pytest.mark.slow
def test_an_interrupt_leaves_nothing(checkpoint, series, tmp_path):
  pytest.importorskip('uvicorn', reason='needs the extra app')
  command_line = [sys.executable, '-m', 'bit_covid.app', '--port=0']
  process = subprocess.Popen(
    [*command_line, f'--checkpoint={checkpoint}', '--no_browser'],
    env={**os.environ, 'TMPDIR': str(tmp_path), 'JAX_PLATFORMS': 'cpu'},
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  with process:
    for line in process.stdout:
      if found := re.match(r'The page: (\S+)', line):
        break
    url = found.group(1)

    def ask(method, path, body=b''):
      request = urllib.request.Request(url + path, body, method=method)
      with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read()

    session = f'sessions/{json.loads(ask("POST", "sessions"))["token"]}'
    for i, each in enumerate(series):
      ask('PUT', f'{session}/files/0/{i:06d}.dcm', each.read_bytes())
    ask('POST', f'{session}/find')
    while not json.loads(ask('GET', f'{session}/found'))['scans']:
      time.sleep(0.05)
    assert list(tmp_path.glob('bit_covid*'))
    ask('POST', f'{session}/scans/0/score')
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
  assert process.returncode == 130
  assert error.strip().splitlines()[-1].startswith('Stopped. Nothing of any')
  assert 'Traceback' not in error
  assert not list(tmp_path.glob('bit_covid*'))
