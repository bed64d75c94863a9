# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The server by HTTP, as a page uses it, and what it keeps."""

import contextlib
import http.client
import io
import json
import threading
import urllib.parse
import zipfile

import numpy as np
from PIL import Image
import pytest

from bit_covid import class_maps
from bit_covid import scan_page
from bit_covid import scan_results
from input_pipeline import scans


@pytest.fixture(scope='module')
def expected(classifier, series):
  """The result of the series without a server."""
  with scans.find(series, window=classifier.window) as found:
    result = scan_results.score(classifier, found.scans[0])
    grays = [x.read().gray for x in found.scans[0].slices]
  return result, grays


@pytest.fixture
def score(wait_until):
  """Has the scans of a session scored."""

  def score(client, path, session, index=0):
    answer = client.ask('POST', f'{path}/scans/{index}/score')
    assert answer.status == 202
    wait_until(lambda: session.state.stage in ('scored', 'failed'))
    assert session.state.error is None
    return f'{path}/scans/{index}'

  return score


@pytest.fixture
def scored(client, series, score):
  path, session = client.upload(series)
  yield score(client, path, session)
  client.ask('POST', f'{path}/close')


def _picture(client, path):
  answer = client.ask('GET', path)
  assert answer.status == 200, (path, answer.content)
  assert answer.headers['content-type'] == 'image/png'
  return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_the_page_is_whole_and_says_what_it_is(client):
  answer = client.ask('GET', '')
  assert answer.status == 200
  page = answer.content.decode()
  assert page.count(scan_page.DISCLAIMER) == 1
  assert 'trained on phantom/demo' in page
  assert '2,048 MB and 10,000 files' in page
  assert 'http' not in page
  script = client.ask('GET', 'static/main.js')
  assert script.headers['content-type'].startswith('text/javascript')
  assert script.headers['cache-control'] == 'no-store'
  assert client.ask('GET', 'static/../server.py').status == 404


def test_numbers_are_those_of_the_command(client, scored, expected):
  result, _ = expected
  content = client.json(f'{scored}/result')
  assert content['id'] == result.scan.id
  assert content['predicted'] == result.predicted
  assert content['counted'] == 17
  for found, method in zip(content['joined'], result.joined, strict=True):
    assert found['method'] == scan_page.METHODS[method]
    np.testing.assert_allclose(
      found['probabilities'], result.joined[method], atol=1e-6
    )
  assert len(content['slices']) == 20
  for found, each in zip(content['slices'], result.slices, strict=True):
    assert found['position'] == each.position
    assert found['finding'] == each.finding
    assert found['counts'] == each.is_used
    if each.is_used:
      np.testing.assert_allclose(
        found['probabilities'], each.probabilities, atol=1e-6
      )
    else:
      assert found['probabilities'] is None
  assert content['findings'] == [['no lungs seen, or hardly any', 3, '1-2, 20']]
  assert 'drawn pictures' in content['cautions'][0]
  assert 'not calibrated' in content['cautions'][1]
  assert content['calibration'] is None


def test_pictures_are_the_slices_and_their_maps(client, scored, expected):
  result, grays = expected
  for index in (0, 7):
    path = f'{scored}/slices/{index}'
    np.testing.assert_array_equal(
      _picture(client, f'{path}/picture.png'), grays[index]
    )
    assert _picture(client, f'{path}/thumbnail.png').shape == (64, 64)
  xmin, ymin, xmax, ymax = client.json(f'{scored}/result')['slices'][7]['box']
  assert [xmin, ymin, xmax, ymax] == result.slices[7].box.tolist()
  for class_index in range(3):
    found = _picture(client, f'{scored}/slices/7/map{class_index}.png')
    size = (ymax - ymin, xmax - xmin)
    heat = class_maps.enlarge(result.slices[7].maps[class_index], size)
    np.testing.assert_allclose(found[..., 3] / 255, heat, atol=0.01)


@pytest.mark.parametrize(
  'path',
  [
    'slices/20/picture.png',
    'slices/20/map0.png',
    'slices/7/map3.png',
    # Not scored: above the lungs.
    'slices/0/map0.png',
    'slices/-1/picture.png',
    'slices/0/other.png',
    '../1/result',
  ],
)
def test_what_is_not_there(client, scored, path):
  assert client.ask('GET', f'{scored}/{path}').status == 404


def test_downloads_are_the_files_of_the_command(client, scored, expected):
  result, _ = expected
  report = client.ask('GET', f'{scored}/report.html')
  assert report.headers['content-disposition'] == (
    f'attachment; filename="{result.scan.id}.html"'
  )
  assert 'sandbox' in report.headers['content-security-policy']
  assert f'Most probable: {result.predicted}' in report.content.decode()
  answer = client.ask('GET', f'{scored}/files.zip')
  with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
    names = {x.split('/')[1] for x in archive.namelist()}
    page = archive.read(f'{result.scan.id}/{result.scan.id}.html')
  assert page == report.content
  assert names == {
    f'{result.scan.id}.html',
    f'{result.scan.id}.png',
    'README.txt',
    *(f'{x}.csv' for x in ('predictions', 'scans', 'slices', 'refused')),
  }


def test_nothing_of_the_patient_is_sent_back(client, series, score):
  path, session = client.upload(series)
  scan = score(client, path, session)
  answers = [
    client.ask('GET', f'{path}/found').content,
    client.ask('GET', f'{scan}/result').content,
    client.ask('GET', f'{scan}/report.html').content,
    client.ask('GET', f'{scan}/slices/7/picture.png').content,
  ]
  content = client.ask('GET', f'{scan}/files.zip').content
  with zipfile.ZipFile(io.BytesIO(content)) as archive:
    answers += [archive.read(x) for x in archive.namelist()]
  for answer in answers:
    for secret in (
      b'Doe_Jane',
      b'Doe^Jane',
      b'secret-17',
      b'1.2.826.',
      b'/tmp',
    ):
      assert secret not in answer
  client.ask('POST', f'{path}/close')


def test_files_are_gone_when_they_are_scored_and_all_when_it_is_closed(
  client, series, score
):
  path, session = client.upload(series)
  assert session.upload.folder.exists()
  scan = score(client, path, session)
  assert not session.upload.folder.exists()
  assert client.ask('GET', f'{scan}/slices/7/picture.png').status == 200
  assert client.ask('POST', f'{path}/close').status == 204
  for gone in (
    f'{scan}/slices/7/picture.png',
    f'{scan}/result',
    f'{path}/found',
  ):
    answer = client.ask('GET', gone)
    assert answer.status == 404
    assert b'nothing of it is kept' in answer.content
  assert client.ask('GET', f'{path}/events').status == 404
  assert (session.scored, session.found.scans) == ({}, [])


def test_of_several_scans_one_is_chosen(
  client, chest, write_dicom, tmp_path, score
):
  paths = [
    write_dicom(
      tmp_path / f'{i}.dcm',
      chest(64, seed=i),
      SeriesInstanceUID=f'1.2.{i // 4}',
      ImagePositionPatient=[0, 0, -i],
    )
    for i in range(8)
  ]
  path, session = client.upload(paths)
  found = client.json(f'{path}/found')
  assert [x['slices'] for x in found['scans']] == [4, 4]
  assert found['scans'][0]['source'] == 'DICOM series'
  assert _picture(client, f'{path}/scans/1/preview.png').shape == (64, 64)
  assert client.ask('POST', f'{path}/scans/2/score').status == 404
  assert client.ask('GET', f'{path}/scans/0/result').status == 404
  for index in (1, 0, 1):
    score(client, path, session, index)
    assert session.state.scan == index
    assert session.upload.folder.exists() == (set(session.scored) == {1})
  client.ask('POST', f'{path}/close')


def test_refused_files_are_told_by_their_numbers(client, series, tmp_path):
  note, archive = tmp_path / 'Doe.txt', tmp_path / 'Doe.zip'
  note.write_text('Jane Doe is well')
  with zipfile.ZipFile(archive, 'w') as file:
    file.write(note, 'Doe/Doe.txt')
    file.write(series[5], 'Doe/Doe.dcm')
  path, session = client.upload([note, archive])
  found = client.json(f'{path}/found')
  assert [x['slices'] for x in found['scans']] == [1]
  assert sorted(x['file'] for x in found['refused']) == [0, 1]
  assert 'neither PNG' in found['refused'][0]['reason']
  assert 'Doe' not in json.dumps(found)
  client.ask('POST', f'{path}/close')
  # Where there is no scan at all, nothing need be kept.
  path, session = client.upload([note])
  assert client.json(f'{path}/found')['scans'] == []
  assert not session.upload.folder.exists()
  client.ask('POST', f'{path}/close')


def test_everything_in_its_turn(client, series):
  path, _ = client.open()
  assert client.ask('POST', f'{path}/scans/0/score').status == 409
  path, _ = client.upload(series[:3])
  assert client.ask('POST', f'{path}/find').status == 409
  answer = client.ask('PUT', f'{path}/files/0/000009.dcm', b'x')
  assert answer.status == 409
  assert 'the session is found; expected uploading' in answer.content.decode()
  client.server.sessions.close_all()


def test_a_path_in_a_name_is_refused(client):
  for name in ('../../x', '/etc/x', '..\\x'):
    path, session = client.open()
    quoted = urllib.parse.quote(name, safe='')
    answer = client.ask('PUT', f'{path}/files/0/{quoted}', b'x')
    assert answer.status in (404, 413)
    assert not list(session.upload.folder.parent.glob('x'))
    client.ask('POST', f'{path}/close')


def test_limits_end_an_upload_in_words(serve):
  client = serve(limits={'bytes': 1 << 20, 'sessions': 1})
  path, session = client.open()
  answer = client.ask('POST', 'sessions')
  assert answer.status == 503
  assert b'no more may be' in answer.content

  def chunks():
    for _ in range(64):
      yield bytes(1 << 16)

  # It need not wait for the rest of what is too much.
  with contextlib.suppress(ConnectionError, http.client.HTTPException):
    client.ask(
      'PUT', f'{path}/files/0/000000', chunks(), content_length=str(1 << 22)
    )
  assert session.state.stage == 'failed'
  assert 'More than 1 MB' in session.state.error
  assert not session.upload.folder.exists()


def test_events_tell_the_state_and_their_end_closes_the_page(
  serve, wait_until, monkeypatch
):
  from bit_covid.app import server as server_lib

  monkeypatch.setattr(server_lib, '_SWEEP', 0.05)
  client = serve(limits={'closed_after': 0.3})
  path, session = client.open()
  connection = http.client.HTTPConnection(client.url[7:-1], timeout=30)
  connection.request('GET', f'/{path}/events')
  answer = connection.getresponse()
  assert answer.headers['content-type'].startswith('text/event-stream')
  line = answer.readline().decode()
  assert json.loads(line.removeprefix('data: '))['stage'] == 'uploading'
  wait_until(lambda: session.listeners == 1)
  session.fail('why')
  assert answer.readline() == b'\n'
  assert json.loads(answer.readline()[6:])['error'] == 'why'
  # Longer than a page may be away.
  threading.Event().wait(0.6)
  assert len(client.server.sessions) == 1
  answer.close()
  connection.close()
  wait_until(lambda: not client.server.sessions)
  assert session.state.stage == 'closed'


def test_closing_stops_the_scoring_and_lets_the_next_one_begin(
  client, classifier, series, score, wait_until, monkeypatch
):
  started, goes_on = threading.Event(), threading.Event()
  original = classifier.probabilities_and_maps

  def slow(prepared):
    started.set()
    assert goes_on.wait(60)
    return original(prepared)

  monkeypatch.setattr(classifier, 'probabilities_and_maps', slow)
  path, session = client.upload(series)
  other_path, other = client.open()
  client.ask('POST', f'{path}/scans/0/score')
  assert started.wait(60)
  name = f'{other_path}/files/0/000000.dcm'
  client.ask('PUT', name, series[5].read_bytes())
  client.ask('POST', f'{other_path}/find')
  assert other.state.stage == 'waiting'
  client.ask('POST', f'{path}/close')
  assert not session.upload.folder.exists()
  goes_on.set()
  wait_until(lambda: other.state.stage == 'found')
  assert session.scored == {}
  score(client, other_path, other)
  client.ask('POST', f'{other_path}/close')


def test_a_failure_is_told_without_what_it_says(
  client, classifier, series, wait_until, monkeypatch
):
  def fail(prepared):
    raise RuntimeError('Doe_Jane')

  monkeypatch.setattr(classifier, 'probabilities_and_maps', fail)
  path, session = client.upload(series)
  client.ask('POST', f'{path}/scans/0/score')
  wait_until(lambda: session.state.stage == 'failed')
  assert session.state.error.startswith('The program failed (RuntimeError)')
  assert not session.upload.folder.exists()
  client.ask('POST', f'{path}/close')


def test_a_scan_of_more_slices_than_a_page_keeps(serve, series):
  client = serve(limits={'slices': 19})
  path, session = client.upload(series)
  answer = client.ask('POST', f'{path}/scans/0/score')
  assert answer.status == 413
  assert b'The scan has 20 slices' in answer.content
  assert session.state.stage == 'found'


def test_the_end_of_the_server_is_the_end_of_all_sessions(
  serve, series, wait_until
):
  client = serve()
  path, session = client.upload(series)
  connection = http.client.HTTPConnection(client.url[7:-1], timeout=30)
  connection.request('GET', f'/{path}/events')
  answer = connection.getresponse()
  wait_until(lambda: session.listeners)
  client.server.should_exit = True
  assert b'"closed"' in answer.read()
  connection.close()
  assert not session.upload.folder.exists()
  assert not client.server.sessions
