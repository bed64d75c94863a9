# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command that serves the page."""

import argparse
from collections.abc import Sequence
import importlib.util
import socket
import sys

from bit_covid.app import limits as limits_lib
from bit_covid.base import arguments as arguments_lib
from bit_covid.base import command
from bit_covid.base import lines
from bit_covid.base import project

_PORT = 7860
# What the extra `app` installs.
_PACKAGES = ('starlette', 'uvicorn')
_DEFAULTS = limits_lib.Limits()
_NOTES = f"""\
For a page that runs on SERVER: ssh -L {_PORT}:localhost:{_PORT} SERVER
Ctrl+C ends it. More in docs/app.md."""


def main(argv: Sequence[str] | None = None) -> int:
  """Returns the exit code, after serving the page until it is interrupted."""
  stopped = 'Stopped. Nothing of any scan is kept.'
  return command.main(_parser(), _run, argv, stopped=stopped)


def listen(host: str, port: int | None) -> socket.socket:
  """Returns a listening socket.

  Args:
    host: address or name.
    port: 0 for any; None: the usual one, or any where that is taken.

  Raises:
    ValueError: there is no such host here, or the port is taken.
  """
  try:
    family, *_, place = socket.getaddrinfo(
      host, _PORT if port is None else port, type=socket.SOCK_STREAM
    )[0]
  except OSError as error:
    raise ValueError(f'--host={host}: {error.strerror}') from error
  listener = socket.socket(family, socket.SOCK_STREAM)
  # A port that was in use a minute ago is free; elsewhere than on Windows.
  if sys.platform != 'win32':
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
  try:
    listener.bind(place)
    # A port that is only bound can be bound a second time.
    listener.listen()
  except OSError as error:
    listener.close()
    if port is None:
      return listen(host, 0)
    raise ValueError(
      f'Cannot listen at {host}, port {port}: {error.strerror}. Name another '
      '--host or --port.'
    ) from error
  return listener


def _parser() -> argparse.ArgumentParser:
  parser = command.make_parser(
    'bit_covid.app',
    description='Serves a page that scores scans, to this machine alone. '
    'Research software, not a medical device.',
    examples=(
      '--checkpoint=runs/bit_m',
      '--checkpoint=runs/bit_m --port=8000 --no_browser',
    ),
    notes=_NOTES,
  )
  add = parser.add_argument
  arguments_lib.add_scoring(parser)
  text = 'address to listen at (default: %(default)s, this machine alone)'
  add('--host', default='127.0.0.1', help=text)
  text = f'default: {_PORT}, or a free one if it is taken'
  add('--port', type=int, help=text)
  add(
    '--allow_host',
    action='append',
    default=[],
    metavar='NAME',
    help='a name under which browsers reach the server, as behind a proxy; may '
    'be given several times',
  )
  for name, value, text in (
    ('max_mb', _DEFAULTS.bytes >> 20, 'megabytes of an upload'),
    ('max_files', _DEFAULTS.files, 'files of an upload'),
    ('max_pages', _DEFAULTS.sessions, 'pages with a scan at once'),
  ):
    text = f'{text}, at most (default: {value:,})'
    add(f'--{name}', type=int, default=value, help=text)
  add('--no_browser', action='store_true', help='open no browser')
  return parser


def _limits(arguments: argparse.Namespace) -> limits_lib.Limits:
  for name in ('max_mb', 'max_files', 'max_pages'):
    value = getattr(arguments, name)
    if value < 1:
      raise ValueError(f'--{name}={value}; expected 1 or more.')
  if arguments.port is not None and not 0 <= arguments.port < 1 << 16:
    raise ValueError(f'--port={arguments.port}; expected 0 (any) to 65535.')
  return limits_lib.Limits(
    bytes=arguments.max_mb << 20,
    files=arguments.max_files,
    sessions=arguments.max_pages,
  )


def _check_packages() -> None:
  for name in _PACKAGES:
    if importlib.util.find_spec(name) is None:
      raise ValueError(
        f'The page needs the package {name!r}, which is not installed: '
        f'{project.install_command("app")}'
      )


def _run(arguments: argparse.Namespace) -> int:
  limits = _limits(arguments)
  _check_packages()
  # Loading the network takes far longer than finding out that this fails.
  with listen(arguments.host, arguments.port) as listener:
    _serve(arguments, limits, listener)
  return 0


def _serve(
  arguments: argparse.Namespace,
  limits: limits_lib.Limits,
  listener: socket.socket,
) -> None:
  # Not at the top, as `--help` need not wait for it.
  from bit_covid.weights import find

  find.check_checkpoints(arguments.checkpoint)
  # After the checks, as it takes seconds to load.
  from bit_covid.app import server
  from bit_covid.base import page_templates
  from bit_covid.engine import choose
  from bit_covid.inference import load
  from bit_covid.scoring import output

  classifier = choose.load(
    arguments.checkpoint, flips=arguments.flips, engine=arguments.engine
  )
  lines.say(page_templates.DISCLAIMER)
  if arguments.engine != 'jax':
    lines.say(f'Engine: {classifier.engine.name}')
  for text in output.cautions(classifier):
    lines.say(f'Note: {text}')
  lines.say(f'Network ready after {load.warm_up(classifier):.1f} s')
  if not server.is_local(listener):
    lines.say(
      f'Note: --host={arguments.host} is not this machine alone. Whoever '
      'reaches it may use the page, and nothing on the way is encrypted: see '
      'docs/app.md.'
    )
  server.run(
    classifier,
    listener,
    limits=limits,
    hosts=arguments.allow_host,
    score_flagged=arguments.score_flagged,
    allow_unfamiliar=arguments.allow_unfamiliar,
    opens_browser=not arguments.no_browser,
    debug=arguments.debug,
  )
