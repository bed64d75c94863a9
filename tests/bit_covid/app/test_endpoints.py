# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a page asks for by HTTP, and the answers."""

import io
import json
import re
import zipfile

import numpy as np
import pytest

from bit_covid.models import class_maps
from bit_covid.scoring import page as page_lib
from bit_covid.scoring import score as score_lib
from input_pipeline import scans


@pytest.fixture(scope='module')
def expected(classifier, series):
  """The result of the series without a server."""
  with scans.find(series, window=classifier.window) as found:
    result = score_lib.score(classifier, found.scans[0])
    grays = [x.read().gray for x in found.scans[0].slices]
  return result, grays


@pytest.fixture
def scored(client, series, score):
  path, session = client.upload(series)
  yield score(client, path, session)
  client.ask('POST', f'{path}/close')


def test_numbers_are_those_of_the_command(client, scored, expected):
  result, _ = expected
  content = client.json(f'{scored}/result')
  assert content['id'] == result.scan.id
  assert content['predicted'] == result.predicted
  assert content['counted'] == 17
  for found, (method, values) in zip(
    content['joined'], result.scan_probabilities.items(), strict=True
  ):
    assert found['method'] == page_lib.AGGREGATIONS[method]
    np.testing.assert_allclose(found['probabilities'], values, atol=1e-6)
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
      client.picture(f'{path}/picture.png'), grays[index]
    )
    assert client.picture(f'{path}/thumbnail.png').shape == (64, 64)
  xmin, ymin, xmax, ymax = client.json(f'{scored}/result')['slices'][7]['box']
  assert [xmin, ymin, xmax, ymax] == result.slices[7].box.tolist()
  for class_index in range(3):
    found = client.picture(f'{scored}/slices/7/map{class_index}.png')
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
  # The browser names the file, as it alone knows the name of the folder.
  assert report.headers['content-disposition'] == 'attachment'
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
    'index.html',
    *(
      f'{x}.csv'
      for x in ('counts', 'predictions', 'refused', 'scans', 'slices')
    ),
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
    # Pictures as text hold any four letters by chance.
    answer = re.sub(rb'base64,[A-Za-z0-9+/=]+', b'', answer)
    for secret in (
      b'Doe_Jane',
      b'Doe^Jane',
      b'secret-17',
      b'1.2.826.',
      b'/tmp',
    ):
      assert secret not in answer
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
  path, session = client.upload(series[:3])
  assert client.ask('POST', f'{path}/find').status == 409
  answer = client.ask('PUT', f'{path}/files/0/000009.dcm', b'x')
  assert answer.status == 409
  assert 'the session is found; expected uploading' in answer.content.decode()
  assert session.state.stage == 'found'
  client.server.sessions.close_all()
