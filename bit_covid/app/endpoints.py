# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a page asks the server for, each under the token of its session.

A page opens a session, uploads files, has scans found among them and scored,
and shows the result; `Endpoints.routes` is the table. Functions that are not
`async` run in threads: they compute or wait for a disk. Those that take long
run in turn: one for each session, so that no page takes all threads.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
import io
import types
import zipfile

import anyio.to_thread
from starlette import convertors
from starlette import exceptions
from starlette import requests
from starlette import responses
from starlette import routing

from bit_covid.app import guard
from bit_covid.app import scored_scan
from bit_covid.app import session as session_lib
from bit_covid.app import upload
from bit_covid.app import worker as worker_lib
from bit_covid.inference import network as network_lib
from bit_covid.scoring import output
from bit_covid.scoring import page
from bit_covid.scoring import scored_rows
from input_pipeline.scans import private_folder

# Without a name: the browser gives the file that of the user's folder, which
# only the browser knows.
_AS_FILE = types.MappingProxyType({'content-disposition': 'attachment'})


class _Number(convertors.IntegerConvertor):
  """Numbers in addresses, without those that take Python long to read."""

  regex = '[0-9]{1,9}'


convertors.register_url_convertor('number', _Number())


class Endpoints:
  """Answers of the server, each by the name of what it is asked for."""

  def __init__(
    self,
    classifier: network_lib.Network,
    sessions: session_lib.Sessions,
    worker: worker_lib.Worker,
  ):
    self._classifier = classifier
    self._sessions = sessions
    self._worker = worker

  def routes(self) -> list[routing.Route]:
    """Returns what each of them answers to."""
    session = '/sessions/{token}'
    scan = session + '/scans/{scan:number}'
    one = scan + '/slices/{index:number}'
    table = [
      ('POST', '/sessions', self._create),
      ('POST', session + '/close', self._close),
      ('GET', session + '/events', self._events),
      ('PUT', session + '/files/{folder:number}/{name}', self._receive),
      ('POST', session + '/find', self._in_turn(self._find)),
      ('GET', session + '/found', self._found),
      ('GET', scan + '/preview.png', self._preview),
      ('POST', scan + '/score', self._in_turn(self._score)),
      ('GET', scan + '/result', self._result),
      ('GET', scan + '/report.html', self._in_turn(self._report)),
      ('GET', scan + '/files.zip', self._in_turn(self._archive)),
      ('GET', one + '/picture.png', self._picture),
      ('GET', one + '/thumbnail.png', self._thumbnail),
      ('GET', one + '/map{class_index:number}.png', self._in_turn(self._map)),
    ]
    return [routing.Route(path, to, methods=[way]) for way, path, to in table]

  def _create(self, request: requests.Request) -> responses.Response:
    token = self._sessions.create().token
    return responses.JSONResponse({'token': token}, 201)

  def _close(self, request: requests.Request) -> responses.Response:
    self._sessions.close(request.path_params['token'])
    return responses.Response(status_code=204)

  async def _events(self, request: requests.Request) -> responses.Response:
    return responses.StreamingResponse(
      self._session(request).events(),
      media_type='text/event-stream',
      # nginx would wait for more before it passes anything on.
      headers={'x-accel-buffering': 'no'},
    )

  async def _receive(self, request: requests.Request) -> responses.Response:
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
      await anyio.to_thread.run_sync(session.fail, str(error))
      raise
    except OSError as error:
      text = f'The server could not keep the file: {error.strerror}.'
      await anyio.to_thread.run_sync(session.fail, text)
      raise exceptions.HTTPException(507, text) from error
    return responses.Response(status_code=204)

  def _find(self, request: requests.Request) -> responses.Response:
    session = self._session(request)
    _expect(session, 'uploading')
    self._worker.find(session)
    return responses.Response(status_code=202)

  def _found(self, request: requests.Request) -> responses.Response:
    session = self._session(request)
    found = [scored_scan.summary(x) for x in session.found.scans]
    refused = [
      {'file': session.file_number(x), 'reason': x.reason}
      for x in session.found.refused
    ]
    return responses.JSONResponse({'scans': found, 'refused': refused})

  def _preview(self, request: requests.Request) -> responses.Response:
    previews = self._session(request).previews
    return _png(previews.get(request.path_params['scan']))

  def _score(self, request: requests.Request) -> responses.Response:
    session, index = self._session(request), request.path_params['scan']
    _expect(session, 'found', 'scored')
    if index >= len(session.found.scans):
      raise exceptions.HTTPException(404, f'There is no scan {index}.')
    if index in session.scored:
      session.set_state(session_lib.State('scored', scan=index))
    else:
      self._worker.score(session, index)
    return responses.Response(status_code=202)

  def _result(self, request: requests.Request) -> responses.Response:
    content = scored_scan.content(
      self._scored(request),
      output.cautions(self._classifier),
      self._classifier.temperature,
    )
    return responses.JSONResponse(content)

  def _report(self, request: requests.Request) -> responses.Response:
    result = self._scored(request).result
    return responses.HTMLResponse(
      page.render(result, output.cautions(self._classifier)),
      headers={
        **_AS_FILE,
        'content-security-policy': guard.REPORT_POLICY,
      },
    )

  def _archive(self, request: requests.Request) -> responses.Response:
    result = self._scored(request).result
    found = self._session(request).found
    buffer = io.BytesIO()
    with private_folder.PrivateFolder() as private:
      folder = private.path
      output.write_page(folder, result, self._classifier)
      rows = scored_rows.of_result(result)
      output.write_tables(folder, [rows], found, self._classifier)
      with zipfile.ZipFile(buffer, 'w', zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.iterdir()):
          file.write(path, f'{result.scan.id}/{path.name}')
    return responses.Response(
      buffer.getvalue(),
      media_type='application/zip',
      headers=_AS_FILE,
    )

  def _picture(self, request: requests.Request) -> responses.Response:
    found = self._scored(request).pictures.get(request.path_params['index'])
    return _png(found and found.full)

  def _thumbnail(self, request: requests.Request) -> responses.Response:
    found = self._scored(request).pictures.get(request.path_params['index'])
    return _png(found and found.small)

  def _map(self, request: requests.Request) -> responses.Response:
    scored, parameters = self._scored(request), request.path_params
    index, class_index = parameters['index'], parameters['class_index']
    return _png(scored_scan.heat(scored, index, class_index))

  def _in_turn(
    self, answer: Callable[[requests.Request], responses.Response]
  ) -> Callable[[requests.Request], Awaitable[responses.Response]]:
    async def answer_in_turn(request: requests.Request) -> responses.Response:
      turn = self._session(request).turn
      return await anyio.to_thread.run_sync(answer, request, limiter=turn)

    return answer_in_turn

  def _session(self, request: requests.Request) -> session_lib.Session:
    return self._sessions.find(request.path_params['token'])

  def _scored(self, request: requests.Request) -> scored_scan.ScoredScan:
    scored = self._session(request).scored.get(request.path_params['scan'])
    if scored is None:
      raise exceptions.HTTPException(404, 'This scan was not scored.')
    return scored


async def _chunks(
  request: requests.Request, session: session_lib.Session
) -> AsyncIterator[bytes]:
  async for chunk in request.stream():
    _expect(session, 'uploading')
    yield chunk


def _expect(session: session_lib.Session, *stages: str) -> None:
  stage = session.state.stage
  if stage not in stages:
    raise exceptions.HTTPException(
      409, f'Not now: the session is {stage}; expected {" or ".join(stages)}.'
    )


def _png(content: bytes | None) -> responses.Response:
  if content is None:
    raise exceptions.HTTPException(404, 'There is no such picture.')
  return responses.Response(content, media_type='image/png')
