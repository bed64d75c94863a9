# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a page asks the server for, each under the token of its session.

    POST sessions                                opens one: its token
    POST sessions/TOKEN/close                    forgets it; from a closing page
    GET  sessions/TOKEN/events                   its state, whenever it changes
    PUT  sessions/TOKEN/files/0/000012.dcm       a file of the upload
    POST sessions/TOKEN/find                     the upload is complete
    GET  sessions/TOKEN/found                    the scans, and refused files
    POST sessions/TOKEN/scans/0/score
    GET  sessions/TOKEN/scans/0/result           what the page says of a scan
    GET  sessions/TOKEN/scans/0/slices/7/...     its pictures

Functions that are not `async` run in threads: they compute or wait for a disk.
"""

from collections.abc import AsyncIterator
import json

import anyio
from starlette import exceptions
from starlette import requests
from starlette import responses
from starlette import routing

from bit_covid.app import download
from bit_covid.app import guard
from bit_covid.app import scored_scan
from bit_covid.app import session as session_lib
from bit_covid.app import sessions as sessions_lib
from bit_covid.app import upload
from bit_covid.app import worker as worker_lib
from bit_covid.inference import network as network_lib
from bit_covid.scoring import output

# Seconds between looks at a state, and between signs of life to a page.
_LOOK, _SIGN = 0.1, 10.0

CLOSED = 'This page was closed, and nothing of it is kept.'


class Endpoints:
  """Answers of the server."""

  def __init__(
    self,
    classifier: network_lib.Network,
    sessions: sessions_lib.Sessions,
    worker: worker_lib.Worker,
  ):
    self._classifier = classifier
    self._sessions = sessions
    self._worker = worker

  def routes(self) -> list[routing.Route]:
    """Returns which of them answers to what."""
    session = '/sessions/{token}'
    scan = session + '/scans/{scan:int}'
    one = scan + '/slices/{index:int}'
    table = [
      ('POST', '/sessions', self.create),
      ('POST', session + '/close', self.close),
      ('GET', session + '/events', self.events),
      ('PUT', session + '/files/{folder:int}/{name}', self.receive),
      ('POST', session + '/find', self.find),
      ('GET', session + '/found', self.found),
      ('GET', scan + '/preview.png', self.preview),
      ('POST', scan + '/score', self.score),
      ('GET', scan + '/result', self.result),
      ('GET', scan + '/report.html', self.report),
      ('GET', scan + '/files.zip', self.archive),
      ('GET', one + '/picture.png', self.picture),
      ('GET', one + '/thumbnail.png', self.thumbnail),
      ('GET', one + '/map{class_index:int}.png', self.map),
    ]
    return [routing.Route(path, to, methods=[way]) for way, path, to in table]

  async def create(self, request: requests.Request) -> responses.Response:
    """Opens a session."""
    try:
      session = self._sessions.create()
    except sessions_lib.FullError as error:
      raise exceptions.HTTPException(503, str(error)) from error
    return responses.JSONResponse({'token': session.token}, 201)

  def close(self, request: requests.Request) -> responses.Response:
    """Forgets a session."""
    self._sessions.close(request.path_params['token'])
    return responses.Response(status_code=204)

  async def events(self, request: requests.Request) -> responses.Response:
    """Tells the state whenever it changes, until the page is closed."""
    return responses.StreamingResponse(
      _events(self._session(request)),
      media_type='text/event-stream',
      # nginx would wait for more before it passes anything on.
      headers={'x-accel-buffering': 'no'},
    )

  async def receive(self, request: requests.Request) -> responses.Response:
    """Takes a file of the upload."""
    session = self._session(request)
    _expect(session, 'uploading')
    try:
      await session.upload.receive(
        request.path_params['folder'],
        request.path_params['name'],
        _chunks(request, session),
      )
    except requests.ClientDisconnect:
      return responses.Response(status_code=400)  # Nobody reads it.
    except upload.RefusedError as error:
      # The state as well: a browser may still be sending, and not read this.
      session.fail(str(error))
      raise exceptions.HTTPException(413, str(error)) from error
    except OSError as error:
      text = f'The server could not keep the file: {error.strerror}.'
      session.fail(text)
      raise exceptions.HTTPException(507, text) from error
    return responses.Response(status_code=204)

  async def find(self, request: requests.Request) -> responses.Response:
    """Has the scans found among the files."""
    session = self._session(request)
    _expect(session, 'uploading')
    self._worker.find(session)
    return responses.Response(status_code=202)

  def found(self, request: requests.Request) -> responses.Response:
    """Says which scans there are, and which files are in none."""
    session = self._session(request)
    return responses.JSONResponse(
      {
        'scans': [scored_scan.summary(x) for x in session.found.scans],
        'refused': [
          {'file': session.file_number(x), 'reason': x.reason}
          for x in session.found.refused
        ],
      }
    )

  def preview(self, request: requests.Request) -> responses.Response:
    """Shows the middle slice of a scan, to know it by."""
    previews = self._session(request).previews
    return _png(previews.get(request.path_params['scan']))

  async def score(self, request: requests.Request) -> responses.Response:
    """Has a scan scored."""
    session, index = self._session(request), request.path_params['scan']
    _expect(session, 'found', 'scored')
    if index >= len(session.found.scans):
      raise exceptions.HTTPException(404, f'There is no scan {index}.')
    if index in session.scored:
      session.set_state(session_lib.State('scored', scan=index))
      return responses.Response(status_code=202)
    try:
      self._worker.score(session, index)
    except upload.RefusedError as error:
      raise exceptions.HTTPException(413, str(error)) from error
    return responses.Response(status_code=202)

  def result(self, request: requests.Request) -> responses.Response:
    """Says what the network makes of a scan."""
    scored = self._scored(request)
    return responses.JSONResponse(
      scored_scan.content(
        scored,
        output.cautions(self._classifier),
        self._classifier.temperature,
      )
    )

  def report(self, request: requests.Request) -> responses.Response:
    """Sends the scan's page as a file."""
    scored = self._scored(request)
    return responses.HTMLResponse(
      download.report(scored.result, self._classifier),
      headers={
        **_as_file(f'{scored.result.scan.id}.html'),
        'content-security-policy': guard.REPORT_POLICY,
      },
    )

  def archive(self, request: requests.Request) -> responses.Response:
    """Sends the scan's page and tables as a zip archive."""
    scored = self._scored(request)
    found = self._session(request).found
    return responses.Response(
      download.archive(scored.result, found, self._classifier),
      media_type='application/zip',
      headers=_as_file(f'{scored.result.scan.id}.zip'),
    )

  def picture(self, request: requests.Request) -> responses.Response:
    """Shows a slice."""
    pictures = self._scored(request).pictures
    found = pictures.get(request.path_params['index'])
    return _png(found and found.full)

  def thumbnail(self, request: requests.Request) -> responses.Response:
    """Shows a slice, small."""
    pictures = self._scored(request).pictures
    found = pictures.get(request.path_params['index'])
    return _png(found and found.small)

  def map(self, request: requests.Request) -> responses.Response:
    """Shows what speaks for a class in a slice."""
    return _png(
      scored_scan.heat(
        self._scored(request),
        request.path_params['index'],
        request.path_params['class_index'],
      )
    )

  def _session(self, request: requests.Request) -> session_lib.Session:
    try:
      return self._sessions.find(request.path_params['token'])
    except KeyError:
      raise exceptions.HTTPException(404, CLOSED) from None

  def _scored(self, request: requests.Request) -> scored_scan.ScoredScan:
    scored = self._session(request).scored.get(request.path_params['scan'])
    if scored is None:
      raise exceptions.HTTPException(404, 'This scan was not scored.')
    return scored


async def _events(session: session_lib.Session) -> AsyncIterator[str]:
  told, silent = None, 0.0
  session.listeners += 1
  try:
    while told is None or told.stage != 'closed':
      if session.state != told:
        told, silent = session.state, 0.0
        yield f'data: {json.dumps(told._asdict())}\n\n'
      elif silent > _SIGN:
        silent = 0.0
        yield ':\n\n'
      await anyio.sleep(_LOOK)
      silent += _LOOK
  finally:
    session.listeners -= 1


async def _chunks(
  request: requests.Request, session: session_lib.Session
) -> AsyncIterator[bytes]:
  async for chunk in request.stream():
    _expect(session, 'uploading')
    yield chunk


def _expect(session: session_lib.Session, *stages: str) -> None:
  """Raises an HTTPException unless the session is at one of the stages."""
  stage = session.state.stage
  if stage not in stages:
    raise exceptions.HTTPException(
      409, f'Not now: the session is {stage}; expected {" or ".join(stages)}.'
    )


def _png(content: bytes | None) -> responses.Response:
  if content is None:
    raise exceptions.HTTPException(404, 'There is no such picture.')
  return responses.Response(content, media_type='image/png')


def _as_file(name: str) -> dict[str, str]:
  return {'content-disposition': f'attachment; filename="{name}"'}
