# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Which scans are scored, when, and what is left of them."""

import threading


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
  assert client.picture(f'{path}/scans/1/preview.png').shape == (64, 64)
  assert client.ask('POST', f'{path}/scans/2/score').status == 404
  assert client.ask('GET', f'{path}/scans/0/result').status == 404
  for index in (1, 0, 1):
    score(client, path, session, index)
    assert session.state.scan == index
    assert session.upload.folder.exists() == (set(session.scored) == {1})
  client.ask('POST', f'{path}/close')


def test_closing_stops_the_scoring_and_lets_the_next_one_begin(
  client, classifier, series, score, wait_until, monkeypatch
):
  started, goes_on = threading.Event(), threading.Event()
  original = classifier.outputs

  def slow(prepared, **options):
    started.set()
    assert goes_on.wait(60)
    return original(prepared, **options)

  monkeypatch.setattr(classifier, 'outputs', slow)
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
  def fail(prepared, **options):
    raise RuntimeError('Doe_Jane')

  monkeypatch.setattr(classifier, 'outputs', fail)
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
