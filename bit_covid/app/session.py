# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A session: one page, from its upload to its closing."""

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
  """The page was closed: what is done for it is to be left off."""


class State(NamedTuple):
  """How far a session is.

  Attributes:
    stage: 'uploading', 'waiting' for the scans of others, 'finding' scans among
      the files, 'found', 'scoring', 'scored', 'failed' or 'closed'.
    scan: index of the scan that is or was scored last.
    done: slices of it that are.
    total: slices of it.
    error: why it failed, for the user.
  """

  stage: str
  scan: int | None = None
  done: int = 0
  total: int = 0
  error: str | None = None


class Session:
  """What the server has of a page, and how it is forgotten.

  The server's event loop and the worker's thread share it: what they change,
  they change under its lock, and not once it is closed.

  Attributes:
    token: who knows it may use the session, and nobody can guess it.
    limits: of this session, too.
    upload: the files.
    listeners: open connections of the page.
    previews: PNG files by the index of their scan, to choose by.
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
    """How far it is."""
    return self._state

  @property
  def found(self) -> scans.Found:
    """The scans among the files, and what is in none of them."""
    return self._found

  @property
  def scored(self) -> Mapping[int, scored_scan.ScoredScan]:
    """The scans that were scored, by their index in `found`."""
    return self._scored

  def set_state(self, state: State) -> None:
    """Says how far it is; raises ClosedError if it is closed."""
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
    """Keeps the scans and, for as long as they are read, their files."""
    with self._lock:
      self._check_open()
      self._found, self.previews = found, previews
      self._files = files.pop_all()
      if not found.scans:
        self._remove_files()
      # Last: the state is read without the lock, and then the rest is true.
      self.set_state(State('found'))

  def add_scored(self, index: int, scored: scored_scan.ScoredScan) -> None:
    """Keeps a scored scan; the files go when it was the last one."""
    with self._lock:
      self._check_open()
      self._scored[index] = scored
      if len(self._scored) == len(self._found.scans):
        self._remove_files()
      self.set_state(State('scored', scan=index))

  def fail(self, error: str) -> None:
    """Says why it cannot go on, and removes the files."""
    with self._lock, contextlib.suppress(ClosedError):
      self._check_open()
      self._remove_files()
      self.set_state(State('failed', error=error))

  def close(self) -> None:
    """Forgets all there is; more than once is no error."""
    with self._lock:
      self._state = State('closed')
      self._found = scans.Found([], [])
      self._scored, self.previews = {}, {}
      self._remove_files()

  def touch(self) -> None:
    """Notes that the page asked for something."""
    self._seen = self._used = time.monotonic()

  def is_abandoned(self) -> bool:
    """Returns whether the page is gone, or was forgotten by its user."""
    now = time.monotonic()
    if self.listeners:
      self._seen = now
    return (
      now - self._seen > self.limits.closed_after
      or now - self._used > self.limits.idle_after
    )

  def file_number(self, refused: scans.Refused) -> int:
    """Returns which file of the upload an input is, or is within."""
    below = pathlib.Path(refused.name).relative_to(self.upload.folder)
    return int(below.parts[1].split('.')[0])

  def _check_open(self) -> None:
    if self._state.stage == 'closed':
      raise ClosedError

  def _remove_files(self) -> None:
    self._files.close()
    self.upload.remove()
