# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The one thread in which scans are found and scored, one after the other."""

from collections.abc import Callable
from concurrent import futures
import contextlib
import traceback

from bit_covid.app import scored_scan
from bit_covid.app import session as session_lib
from bit_covid.app import upload
from bit_covid.inference import network as network_lib
from bit_covid.scoring import score as score_lib
from input_pipeline import conventions
from input_pipeline import scans

# Scans of an upload that are read for a preview, tens of milliseconds each.
_MOST_PREVIEWS = 50


class Worker:
  """Does what sessions ask for, in the order in which they do."""

  def __init__(
    self,
    classifier: network_lib.Network,
    *,
    score_flagged: bool = False,
    debug: bool = False,
  ):
    """Starts the thread.

    Args:
      classifier: the network.
      score_flagged: as for `score.score`.
      debug: print a traceback of what goes wrong; it may name files.
    """
    self._classifier = classifier
    self._score_flagged = score_flagged
    self._debug = debug
    self._thread = futures.ThreadPoolExecutor(1, 'bit_covid_worker')

  def find(self, session: session_lib.Session) -> None:
    """Finds the scans among the uploaded files, when it is their turn."""
    session.set_state(session_lib.State('waiting'))
    self._thread.submit(self._run, session, self._find)

  def score(self, session: session_lib.Session, index: int) -> None:
    """Scores one of the scans, when it is its turn.

    Raises:
      upload.RefusedError: it has more slices than the page may still keep.
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
    """Ends the thread after the slices that it is at."""
    self._thread.shutdown(cancel_futures=True)

  def _run(
    self,
    session: session_lib.Session,
    job: Callable[..., None],
    *arguments: int,
  ) -> None:
    try:
      job(session, *arguments)
    except session_lib.ClosedError:
      # Once more: a file that was open then may have been left.
      session.close()
    except Exception as error:
      if self._debug:
        traceback.print_exc()
      session.fail(_message(error))

  def _find(self, session: session_lib.Session) -> None:
    session.set_state(session_lib.State('finding'))
    preprocessing = self._classifier.preprocessing
    with contextlib.ExitStack() as files:
      found = files.enter_context(
        scans.find(
          session.upload.folder,
          window=self._classifier.window or conventions.LUNG_WINDOW,
          range_16bit=tuple(preprocessing['range_16bit']),
        )
      )
      previews = {}
      # To choose by, where there is a choice.
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
      session.set_state(session.state)  # Not if it is closed.
      if checked.gray is not None:
        pictures[checked.index] = scored_scan.picture(checked.gray)

    def on_slice() -> None:
      done = session.state.done + 1
      session.set_state(state._replace(done=done))

    result = score_lib.score(
      self._classifier,
      scan,
      score_flagged=self._score_flagged,
      on_read=on_read,
      on_slice=on_slice,
    )
    session.add_scored(index, scored_scan.ScoredScan(result, pictures))


def _message(error: Exception) -> str:
  """Returns what the user is told; paths are of the server, not for them."""
  if isinstance(error, OSError):
    return f'The server could not read or write a file: {error.strerror}.'
  if isinstance(error, ValueError):
    return str(error)
  return (
    f'The program failed ({type(error).__name__}). Start it with --debug to '
    'see where.'
  )
