# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Sessions: the state of each page, from its upload until it is closed."""

from collections.abc import AsyncIterator
import contextlib
import gc
import json
import pathlib
import secrets
import threading
import time
from typing import NamedTuple

import anyio

from bit_covid.app import limits as limits_lib
from bit_covid.app import scored_scan
from bit_covid.app import upload
from input_pipeline import scans

# Seconds between looks at a state, and between signs of life to a page.
_LOOK, _SIGN = 0.1, 10.0


class ClosedError(Exception):
  """The page was closed, so work for it must stop."""

  def __str__(self) -> str:
    return 'This page was closed, and nothing of it is kept.'


class FullError(Exception):
  """The limit on sessions is reached; the message is for the user."""


class State(NamedTuple):
  """The progress of a session."""

  # 'uploading', 'waiting' for other sessions, 'finding' scans among the files,
  # 'found', 'scoring', 'scored', 'failed' or 'closed'.
  stage: str
  # Index of the scan that is being scored, or was scored last.
  scan: int | None = None
  # Number of its slices that are scored, and of all.
  done: int = 0
  total: int = 0
  # Message for the user, if the stage is 'failed'.
  error: str | None = None


class Session:
  """Everything that the server keeps of a page.

  The event loop of the server and the thread of the worker share it. They
  change it by its methods alone, under its lock, and not after it is closed.
  """

  def __init__(self, limits: limits_lib.Limits):
    # Gives access to the session.
    self.token = secrets.token_urlsafe(24)
    self.limits = limits
    self.upload = upload.Upload(limits)
    # Open connections of the page.
    self.listeners = 0
    self.state = State('uploading')
    # Held by what takes long, of which a page has one at a time.
    self.turn = anyio.CapacityLimiter(1)
    self.found = scans.Found([], [])
    # PNG files and scored scans, by the index of the scan in `found`.
    self.previews: dict[int, bytes] = {}
    self.scored: dict[int, scored_scan.ScoredScan] = {}
    self._files = contextlib.ExitStack()
    self._lock = threading.RLock()
    self._seen = self._used = time.monotonic()

  async def events(self) -> AsyncIterator[str]:
    """Yields each state as a server-sent event, until the session is closed."""
    told, silent = None, 0.0
    self.listeners += 1
    try:
      while told is None or told.stage != 'closed':
        if self.state != told:
          told, silent = self.state, 0.0
          yield f'data: {json.dumps(told._asdict())}\n\n'
        elif silent > _SIGN:
          silent = 0.0
          yield ':\n\n'
        await anyio.sleep(_LOOK)
        silent += _LOOK
    finally:
      self.listeners -= 1

  def set_state(self, state: State) -> None:
    """Sets the progress; raises ClosedError if the session is closed."""
    with self._lock:
      self._check_open()
      self.state = state
      self._used = time.monotonic()

  def set_found(
    self,
    found: scans.Found,
    previews: dict[int, bytes],
    files: contextlib.ExitStack,
  ) -> None:
    """Keeps the scans and, until all of them are scored, their files."""
    with self._lock:
      self._check_open()
      self.found, self.previews = found, previews
      self._files = files.pop_all()
      if not found.scans:
        self._remove_files()
      # Last, since the state is read without the lock.
      self.set_state(State('found'))

  def add_scored(self, index: int, scored: scored_scan.ScoredScan) -> None:
    """Keeps a scored scan, and removes the files if it was the last one."""
    with self._lock:
      self._check_open()
      self.scored[index] = scored
      if len(self.scored) == len(self.found.scans):
        self._remove_files()
      self.set_state(State('scored', scan=index))

  def fail(self, error: str) -> None:
    """Sets the state 'failed' with a message, and removes the files."""
    with self._lock, contextlib.suppress(ClosedError):
      self._check_open()
      self._remove_files()
      self.set_state(State('failed', error=error))

  def close(self) -> None:
    """Deletes everything; a second call does nothing."""
    with self._lock:
      self.state = State('closed')
      self.found = scans.Found([], [])
      self.scored, self.previews = {}, {}
      self._remove_files()

  def touch(self) -> None:
    """Records that the page made a request."""
    self._seen = self._used = time.monotonic()

  def is_abandoned(self) -> bool:
    """Returns whether the page is gone, or has been idle for too long."""
    now = time.monotonic()
    if self.listeners:
      self._seen = now
    return (
      now - self._seen > self.limits.closed_after
      or now - self._used > self.limits.idle_after
    )

  def file_number(self, refused: scans.Refused) -> int:
    """Returns the number of the uploaded file that was refused or holds it."""
    below = pathlib.Path(refused.name).relative_to(self.upload.folder)
    return int(below.parts[1].split('.')[0])

  def _check_open(self) -> None:
    if self.state.stage == 'closed':
      raise ClosedError

  def _remove_files(self) -> None:
    self._files.close()
    self.upload.remove()


class Sessions:
  """All open sessions, by their tokens.

  The event loop and its threads share it, so each step is one dict operation,
  except that the last free place is taken under a lock.
  """

  def __init__(self, limits: limits_lib.Limits):
    self.limits = limits
    self._by_token: dict[str, Session] = {}
    self._lock = threading.Lock()

  def create(self) -> Session:
    """Returns a new session.

    Raises:
      FullError: the limit is reached.
    """
    with self._lock:
      if len(self._by_token) >= self.limits.sessions:
        raise FullError(
          f'{len(self._by_token)} pages are open, which is the limit; close '
          'one of them, or try again later.'
        )
      session = Session(self.limits)
      self._by_token[session.token] = session
    return session

  def find(self, token: str) -> Session:
    """Returns the session of the token.

    Raises:
      ClosedError: there is none, or it was closed.
    """
    session = self._by_token.get(token)
    if session is None:
      raise ClosedError
    session.touch()
    return session

  def close(self, token: str) -> None:
    """Closes the session; does nothing if it is closed already."""
    if session := self._by_token.pop(token, None):
      session.close()
      # Figures of Matplotlib refer to themselves. Pictures of the scan would
      # stay in memory until Python looks for such objects, many pages later.
      gc.collect()

  def close_abandoned(self) -> None:
    """Closes the sessions that are abandoned."""
    for token, session in list(self._by_token.items()):
      if session.is_abandoned():
        self.close(token)

  def close_all(self) -> None:
    """Closes every session."""
    for token in list(self._by_token):
      self.close(token)

  def __len__(self) -> int:
    return len(self._by_token)
