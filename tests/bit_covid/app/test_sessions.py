# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a session keeps, until when, and that then nothing is left."""

import contextlib
import gc
import weakref

import pytest

from bit_covid.app import limits as limits_lib
from bit_covid.app import session as session_lib
from input_pipeline import scans


@pytest.fixture
def sessions():
  sessions = session_lib.Sessions(
    limits_lib.Limits(sessions=2, closed_after=10, idle_after=100)
  )
  yield sessions
  sessions.close_all()


@pytest.fixture
def clock(monkeypatch):
  """Time that passes as a test says."""
  now = [1000.0]
  monkeypatch.setattr(session_lib.time, 'monotonic', lambda: now[0])
  return now


def _find(session, count=1):
  """Gives a session scans, and returns whether their files are kept."""
  closed = []
  files = contextlib.ExitStack()
  files.callback(closed.append, True)
  some = [scans.Scan(str(i), 'Doe', 'images', (), None) for i in range(count)]
  session.set_found(scans.Found(some, []), {}, files)
  return lambda: not closed and session.upload.folder.exists()


def test_tokens_cannot_be_guessed(sessions):
  first, second = sessions.create(), sessions.create()
  assert first.token != second.token
  assert len(first.token) >= 32
  assert sessions.find(first.token) is first
  with pytest.raises(session_lib.ClosedError):
    sessions.find(first.token[:-1])


def test_as_many_as_may_be(sessions):
  first, _ = sessions.create(), sessions.create()
  with pytest.raises(session_lib.FullError, match='2 pages'):
    sessions.create()
  sessions.close(first.token)
  sessions.close(first.token)
  sessions.create()
  assert len(sessions) == 2


def test_files_go_with_the_last_scan_that_is_scored(sessions):
  session = sessions.create()
  is_kept = _find(session, count=2)
  assert session.state.stage == 'found'
  session.add_scored(1, 'a scored scan')
  assert session.state == session_lib.State('scored', scan=1)
  assert is_kept()
  session.add_scored(0, 'another')
  assert not is_kept()
  assert set(session.scored) == {0, 1}


def test_files_go_where_there_is_no_scan_and_where_it_failed(sessions):
  session = sessions.create()
  assert not _find(session, count=0)()
  session = sessions.create()
  is_kept = _find(session)
  session.fail('why')
  assert session.state.error == 'why'
  assert not is_kept()


def test_nothing_is_left_of_a_closed_session(sessions):
  session = sessions.create()
  is_kept = _find(session, count=2)
  session.add_scored(0, 'a scored scan')
  sessions.close(session.token)
  assert not is_kept()
  assert (session.scored, session.found) == ({}, scans.Found([], []))
  with pytest.raises(session_lib.ClosedError):
    sessions.find(session.token)
  # What the worker still has in hand does not come back.
  with pytest.raises(session_lib.ClosedError):
    session.add_scored(1, 'late')
  with pytest.raises(session_lib.ClosedError):
    _find(session)
  session.fail('late')
  assert session.state.stage == 'closed'
  assert session.scored == {}


def test_a_page_that_is_gone_is_closed_after_a_while(clock, sessions):
  session = sessions.create()
  clock[0] += 9
  sessions.close_abandoned()
  assert len(sessions) == 1
  sessions.find(session.token)
  clock[0] += 9
  sessions.close_abandoned()
  assert len(sessions) == 1
  clock[0] += 2
  sessions.close_abandoned()
  assert len(sessions) == 0
  assert not session.upload.folder.exists()


def test_a_page_that_listens_is_not_gone_but_may_be_forgotten(clock, sessions):
  session = sessions.create()
  session.listeners = 1
  clock[0] += 90
  sessions.close_abandoned()
  assert len(sessions) == 1
  # Its scan is being scored.
  session.set_state(session_lib.State('scoring', done=1))
  clock[0] += 90
  sessions.close_abandoned()
  assert len(sessions) == 1
  clock[0] += 11
  sessions.close_abandoned()
  assert len(sessions) == 0


def test_a_refused_file_is_known_by_its_number(sessions):
  session = sessions.create()
  for name, number in (('000003/000012.dcm', 12), ('000000/000007.zip/D/x', 7)):
    refused = scans.Refused(str(session.upload.folder / name), '', '', 'other')
    assert session.file_number(refused) == number


class _Figure:
  def __init__(self):
    self.canvas = self


def test_what_refers_to_itself_is_freed_with_its_page():
  sessions = session_lib.Sessions(limits_lib.Limits())
  session = sessions.create()
  session.scored[0] = figure = _Figure()
  found = weakref.ref(figure)
  del figure
  gc.disable()
  try:
    sessions.close(session.token)
    assert found() is None
  finally:
    gc.enable()
