# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""All open sessions, by their tokens."""

from bit_covid.app import limits as limits_lib
from bit_covid.app import session as session_lib


class FullError(Exception):
  """The limit on sessions is reached; the message is for the user."""


class Sessions:
  """Opens, finds and closes sessions.

  The event loop and its threads share it, so each step is one dict operation.
  """

  def __init__(self, limits: limits_lib.Limits):
    self.limits = limits
    self._by_token: dict[str, session_lib.Session] = {}

  def create(self) -> session_lib.Session:
    """Returns a new session.

    Raises:
      FullError: the limit is reached.
    """
    if len(self._by_token) >= self.limits.sessions:
      raise FullError(
        f'{len(self._by_token)} pages are open, which is the limit; close one '
        'of them, or try again later.'
      )
    session = session_lib.Session(self.limits)
    self._by_token[session.token] = session
    return session

  def find(self, token: str) -> session_lib.Session:
    """Returns the session of the token; raises KeyError if there is none."""
    session = self._by_token[token]
    session.touch()
    return session

  def close(self, token: str) -> None:
    """Closes the session; does nothing if it is closed already."""
    session = self._by_token.pop(token, None)
    if session is not None:
      session.close()

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
