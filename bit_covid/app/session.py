# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A session: the state of one page, from its upload until it is closed."""

from collections.abc import Mapping
import contextlib
import pathlib
import secrets
import threading
import time
from typing import NamedTuple

from bit_covid.app import limits as limits_lib
from bit_covid.app import scored_scan
from bit_covid.app import upload
from input_pipeline import scans


class ClosedError(Exception):
  """The page was closed, so work for it must stop."""


class State(NamedTuple):
  """The progress of a session.

  Attributes:
    stage: 'uploading', 'waiting' for other sessions, 'finding' scans among the
      files, 'found', 'scoring', 'scored', 'failed' or 'closed'.
    scan: index of the scan that is being scored, or was scored last.
    done: number of its slices that are scored.
    total: number of its slices.
    error: message for the user, if the stage is 'failed'.
  """

  stage: str
  scan: int | None = None
  done: int = 0
  total: int = 0
  error: str | None = None


class Session:
  """Everything that the server keeps of a page.

  The event loop of the server and the thread of the worker share it. They
  change it under its lock, and not after it is closed.

  Attributes:
    token: a secret that gives access to the session.
    limits: of the server.
    upload: the files.
    listeners: number of open connections of the page.
    previews: PNG files by the index of their scan.
  """

  def __init__(self, limits: limits_lib.Limits):
    self.token = secrets.token_urlsafe(24)
    self.limits = limits
    self.upload = upload.Upload(limits)
    self.listeners = 0
    self.previews: dict[int, bytes] = {}
    self._state = State('uploading')
    self._found = scans.Found([], [])
    self._scored: dict[int, scored_scan.ScoredScan] = {}
    self._files = contextlib.ExitStack()
    self._lock = threading.RLock()
    self._seen = self._used = time.monotonic()

  @property
  def state(self) -> State:
    """The progress of the session."""
    return self._state

  @property
  def found(self) -> scans.Found:
    """The scans among the files, and the files that are in none."""
    return self._found

  @property
  def scored(self) -> Mapping[int, scored_scan.ScoredScan]:
    """The scored scans, by their index in `found`."""
    return self._scored

  def set_state(self, state: State) -> None:
    """Sets the progress; raises ClosedError if the session is closed."""
    with self._lock:
      self._check_open()
      self._state = state
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
      self._found, self.previews = found, previews
      self._files = files.pop_all()
      if not found.scans:
        self._remove_files()
      # Last, since the state is read without the lock.
      self.set_state(State('found'))

  def add_scored(self, index: int, scored: scored_scan.ScoredScan) -> None:
    """Keeps a scored scan, and removes the files if it was the last one."""
    with self._lock:
      self._check_open()
      self._scored[index] = scored
      if len(self._scored) == len(self._found.scans):
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
      self._state = State('closed')
      self._found = scans.Found([], [])
      self._scored, self.previews = {}, {}
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
    if self._state.stage == 'closed':
      raise ClosedError

  def _remove_files(self) -> None:
    self._files.close()
    self.upload.remove()
