# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The thread that finds and scores scans, one after the other."""

from collections.abc import Callable
from concurrent import futures
import contextlib
import traceback

from bit_covid.app import scored_scan
from bit_covid.app import session as session_lib
from bit_covid.app import upload
from bit_covid.inference import network as network_lib
from bit_covid.scoring import score as score_lib
from input_pipeline import scans
from input_pipeline.scans import window as window_lib

# Largest number of scans in an upload for which previews are made.
_MOST_PREVIEWS = 50


class Worker:
  """Does the work of all sessions, in the order of their requests."""

  def __init__(
    self,
    classifier: network_lib.Network,
    *,
    score_flagged: bool = False,
    allow_unfamiliar: bool = False,
    debug: bool = False,
  ):
    """Starts the thread.

    Args:
      classifier: the network.
      score_flagged: as for `score.score`.
      allow_unfamiliar: the same.
      debug: print the traceback of an error; it may contain file names.
    """
    self._classifier = classifier
    self._score_flagged = score_flagged
    self._allow_unfamiliar = allow_unfamiliar
    self._debug = debug
    self._thread = futures.ThreadPoolExecutor(1, 'bit_covid_worker')

  def find(self, session: session_lib.Session) -> None:
    """Queues the search for scans among the uploaded files."""
    session.set_state(session_lib.State('waiting'))
    self._thread.submit(self._run, session, self._find)

  def score(self, session: session_lib.Session, index: int) -> None:
    """Queues the scoring of a scan of `session.found`.

    Raises:
      RefusedError: the scan has more slices than the page may keep.
    """
    kept = sum(len(x.pictures) for x in session.scored.values())
    count = len(session.found.scans[index])
    if kept + count > session.limits.slices:
      raise upload.RefusedError(
        f'The scan has {count:,} slices; a page keeps up to '
        f'{session.limits.slices:,} of all its scans. Upload it alone, or use '
        'python -m bit_covid.predict.'
      )
    session.set_state(session_lib.State('waiting', scan=index))
    self._thread.submit(self._run, session, self._score, index)

  def stop(self) -> None:
    """Ends the thread after the current job, and drops those that wait."""
    self._thread.shutdown(cancel_futures=True)

  def _run(
    self, session: session_lib.Session, job: Callable[..., None], *index: int
  ) -> None:
    try:
      job(session, *index)
    except session_lib.ClosedError:
      # Again, since a file that was open before may not have been removed.
      session.close()
    except Exception as error:
      if self._debug:
        traceback.print_exc()
      session.fail(_message(error))

  def _find(self, session: session_lib.Session) -> None:
    session.set_state(session_lib.State('finding'))
    search = scans.find(
      session.upload.folder,
      window=self._classifier.window or window_lib.DEFAULT,
      range_16bit=tuple(self._classifier.preprocessing['range_16bit']),
    )
    with contextlib.ExitStack() as files:
      found = scans.without_copies(files.enter_context(search))
      previews = {}
      # Previews are for choosing among several scans.
      if 1 < len(found.scans) <= _MOST_PREVIEWS:
        read = map(scored_scan.preview, found.scans)
        previews = {i: x for i, x in enumerate(read) if x is not None}
      session.set_found(found, previews, files)

  def _score(self, session: session_lib.Session, index: int) -> None:
    scan = session.found.scans[index]
    state = session_lib.State('scoring', scan=index, total=len(scan))
    session.set_state(state)
    pictures = {}

    def on_read(checked: scans.Checked) -> None:
      session.set_state(session.state)  # Raises if the page was closed.
      if checked.gray is not None:
        pictures[checked.index] = scored_scan.picture(checked.gray)

    def on_slice() -> None:
      done = session.state.done + 1
      session.set_state(state._replace(done=done))

    result = score_lib.score(
      self._classifier,
      scan,
      score_flagged=self._score_flagged,
      allow_unfamiliar=self._allow_unfamiliar,
      on_read=on_read,
      on_slice=on_slice,
    )
    session.add_scored(index, scored_scan.ScoredScan(result, pictures))


def _message(error: Exception) -> str:
  """Returns the message for the user, without paths of the server."""
  if isinstance(error, OSError):
    return f'The server could not read or write a file: {error.strerror}.'
  if isinstance(error, ValueError):
    return str(error)
  return (
    f'The program failed ({type(error).__name__}). Start it with --debug to '
    'see where.'
  )
