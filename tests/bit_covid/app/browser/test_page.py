# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The page in headless Chromium: drop, wait, scroll, slide, read, close."""

import threading
import zipfile

import numpy as np
from PIL import Image
import pytest

from bit_covid.inference import detector as detector_lib
from bit_covid.scoring import score
from input_pipeline import scans

pytestmark = pytest.mark.slow

_IS_DONE = """
!document.getElementById('result').hidden
  && document.querySelector('#stage .map')?.complete
"""
# What is wider than the page, besides what scrolls in a box of its own.
_TOO_WIDE = """
[...document.querySelectorAll('body *')].filter(
  x => !x.closest('.strip, .scroll')
    && x.getBoundingClientRect().right > innerWidth + 1
).map(x => x.tagName + x.id)
"""
_SELECTED = (
  "Number(document.getElementById('chart').getAttribute('aria-valuenow'))"
)
_IS_SELECTED_SEEN = """
(() => {
  const strip = document.getElementById('strip').getBoundingClientRect();
  const item = document.querySelector('#strip [aria-selected="true"]')
    .getBoundingClientRect();
  return item.left >= strip.left && item.right <= strip.right;
})()
"""


@pytest.fixture
def upload(client, page):
  """Opens the page, gives it paths, and waits for the result."""

  def upload(paths, *, width=1280, how='drop'):
    client.server.sessions.close_all()
    page.goto(client.url, width, 844)
    if how == 'drop':
      page.drop('drop', paths)
    else:
      page.choose_files(how, paths)

  return upload


def _select(page, number):
  """Selects a slice by its place in the chart."""
  page.run("document.getElementById('chart').scrollIntoView()")
  box = page.run(
    "document.getElementById('chart').getBoundingClientRect().toJSON()"
  )
  count = page.run("document.querySelectorAll('#strip li').length")
  inner = box['width'] - 48  # The chart's margins.
  page.click(
    box['x'] + 40 + inner * (number - 0.5) / count,
    box['y'] + box['height'] / 2,
  )
  assert page.run(_SELECTED) == number


def _stage(page, path):
  """Returns the pixels of the large slice as they are seen."""
  page.run('scrollTo(0, document.getElementById("stage").offsetTop)')
  page.wait(
    "[...document.querySelectorAll('#stage img')].every(x => x.complete)"
  )
  page.screenshot(path)
  box = page.run(
    "document.querySelector('#stage .frame').getBoundingClientRect().toJSON()"
  )
  left, top = round(box['x']), round(box['y'])
  area = (left, top, left + int(box['width']), top + int(box['height']))
  return np.asarray(Image.open(path).convert('RGB').crop(area), np.float64)


def _slide(page, value):
  page.run(
    '(x => { '
    f"x.value = {value}; x.dispatchEvent(new Event('input')); "
    "})(document.getElementById('opacity'))"
  )


@pytest.mark.parametrize(('width', 'how'), [(1280, 'folder'), (390, 'drop')])
def test_a_real_series(
  width, how, client, page, upload, classifier, real_data, tmp_path, wait_until
):
  folder = real_data / 'dicom_series/cap002'
  upload([folder], width=width, how=how)
  page.wait(_IS_DONE)
  with scans.find(folder, window=classifier.window) as found:
    expected = score.score(classifier, found.scans[0])
  # The result, read as a person reads it.
  assert page.text('verdict') == f'Most probable: {expected.predicted}'
  assert '117 of 131 count' in page.text('counted')
  assert page.text('acceptance').startswith('Not checked: nobody knows')
  share = 100 * expected.scan_probabilities['mean'].max()
  assert f'{share:.1f} %' in page.text('scores')
  assert 'drawn pictures' in page.text('cautions')
  assert 'not calibrated' in page.text('cautions')
  assert '1-13, 131' in page.text('findings')
  assert 'are deleted' in page.text('kept')
  # The arrow keys work at once.
  assert page.run('document.activeElement.id') == 'stage'
  first = page.run(_SELECTED)
  page.press('ArrowRight')
  assert page.run(_SELECTED) == first + 1
  # Files are named by the folder, whose name the server never had.
  assert page.text('name') == 'cap002'
  assert [
    page.run(f"document.getElementById('{x}').download")
    for x in ('report', 'archive')
  ] == ['cap002.html', 'cap002.zip']
  sides = "[...document.querySelectorAll('.side')].map(x => x.textContent)"
  assert page.run(sides) == ['R', 'L', 'A', 'P']
  assert 'lung window, center -600, width 1500' in page.text('window')
  assert page.run("document.querySelectorAll('#slices tbody tr').length") == 131
  # Through the scan, by chart, keys and strip.
  _select(page, 60)
  assert 'Slice 60 of 131' in page.text('place')
  assert page.run(_IS_SELECTED_SEEN)
  page.run("document.getElementById('strip').focus()")
  page.press('ArrowRight')
  assert page.run(_SELECTED) == 61
  page.press('PageDown')
  assert page.run(_SELECTED) == 71
  assert page.run(_IS_SELECTED_SEEN)
  page.press('Home')
  page.wait("!document.querySelector('#stage .map')")
  assert 'Does not count: no lungs seen' in page.text('finding')
  page.run("document.getElementById('strip').scrollLeft = 1e6")
  page.wait("document.querySelector('#slice-130 img').complete")
  page.run("document.getElementById('slice-129').click()")
  assert page.run(_SELECTED) == 130
  # The map, from nothing to all of it.
  _select(page, 60)
  page.wait("document.querySelector('#stage .map')?.complete")
  pictures = []
  for opacity in (0, 50, 100):
    _slide(page, opacity)
    pictures.append(_stage(page, tmp_path / f'{opacity}.png'))
  gray, half, full = pictures
  assert np.abs(gray - gray.mean(axis=2, keepdims=True)).max() == 0
  assert np.abs(full - full.mean(axis=2, keepdims=True)).max() > 60
  np.testing.assert_allclose(half, (gray + full) / 2, atol=3)
  # Nothing is cut off, nothing was blocked or went wrong.
  assert page.run('innerWidth') == width
  assert page.run('document.documentElement.scrollWidth') <= width
  assert page.run(_TOO_WIDE) == []
  assert page.problems == []
  # Closed, and forgotten at once.
  assert len(client.server.sessions) == 1
  page.call('Page.navigate', url='about:blank')
  wait_until(lambda: not client.server.sessions, 10)


def test_the_map_of_another_class(page, upload, series, tmp_path):
  upload(series)
  page.wait(_IS_DONE)
  _slide(page, 100)
  pictures = []
  for index, is_shown in ((0, True), (1, False), (2, True)):
    page.run(
      '(x => { '
      f"x.value = '{index}'; x.dispatchEvent(new Event('change')); "
      "})(document.getElementById('map-class'))"
    )
    page.wait(f"""
      document.querySelector('#stage .map')?.complete ??
        {str(not is_shown).lower()}
    """)
    assert (page.text('no-map') == '') == is_shown
    pictures.append(_stage(page, tmp_path / f'{index}.png'))
  first, none, last = pictures
  assert np.abs(none - none.mean(axis=2, keepdims=True)).max() == 0
  assert np.abs(first - none).max() > 20
  assert np.abs(first - last).max() > 5


def test_the_wheel_and_a_drag_go_through_the_slices(page, upload, series):
  upload(series)
  page.wait(_IS_DONE)
  _select(page, 10)
  page.run('scrollTo(0, 0)')
  x, y = page.middle('stage')
  page.wheel(x, y, 120)
  page.wait(f'{_SELECTED} === 12')
  page.wheel(x, y, -60)
  page.wait(f'{_SELECTED} === 11')
  page.click(x, y, to=x - 40)
  page.wait(f'{_SELECTED} === 6')
  page.click(x, y, to=x + 4000)
  page.wait(f'{_SELECTED} === 20')
  assert page.run("document.getElementById('next').disabled")


def test_a_refused_scan_shows_its_slices_without_a_number(
  page, upload, classifier, series, monkeypatch, tmp_path
):
  width = len(classifier.params['head']['kernel'])
  near = detector_lib.Limits(0.0, 1e-6, 2e-6)
  detector = detector_lib.Detector(
    np.zeros((1, width)), np.eye(width), near, near, {}
  )
  monkeypatch.setattr(classifier, 'detector', detector)
  upload(series)
  # No slice has a map.
  page.wait(_IS_DONE.replace('.map', '.slice'))
  assert page.text('verdict') == 'Refused: unlike the training'
  text = page.text('acceptance')
  assert text.startswith('Refused: the network was not trained')
  assert '--allow_unfamiliar gives them' in text
  assert page.text('counted') == ''
  page.screenshot(tmp_path / 'refused.png')
  assert '%' not in page.text('scores')
  assert 'too unlike those of the training' in page.text('findings')
  assert page.run("document.querySelectorAll('#strip li').length") == 20
  assert not page.problems


def test_a_scan_that_is_stopped_is_forgotten(
  page, upload, client, classifier, series, wait_until, monkeypatch
):
  goes_on = threading.Event()
  original = classifier.outputs

  def slow(prepared, **options):
    assert goes_on.wait(60)
    return original(prepared, **options)

  monkeypatch.setattr(classifier, 'outputs', slow)
  upload(series)
  page.wait("document.getElementById('work-title').innerText === 'Scoring'")
  page.wait("document.getElementById('work-text').innerText !== ''")
  assert page.text('work-text') == 'Slice 2 of 20'
  page.run("document.getElementById('stop').click()")
  assert page.run("!document.getElementById('start').hidden")
  wait_until(lambda: not client.server.sessions)
  goes_on.set()
  # And on with the next one.
  page.drop('drop', series[5:8])
  page.wait(_IS_DONE)
  page.run("document.getElementById('again').click()")
  assert page.run("!document.getElementById('start').hidden")
  wait_until(lambda: not client.server.sessions)
  assert page.problems == []


def test_of_several_scans_one_is_chosen_then_another(
  page, upload, chest, write_dicom, tmp_path
):
  folder = tmp_path / 'study'
  folder.mkdir()
  for i in range(8):
    write_dicom(
      folder / f'{i}.dcm',
      chest(64, seed=i),
      SeriesInstanceUID=f'1.2.{i // 5}',
      ImagePositionPatient=[0, 0, -i],
    )
  (folder / 'Doe.txt').write_text('Jane Doe')
  (folder / '.hidden').write_text('')
  upload([folder])
  page.wait("!document.getElementById('choice').hidden")
  assert '5 slices' in page.text('scans')
  # The browser knows the name, the server does not.
  assert page.text('refused-title') == '1 file is in no scan'
  page.run("document.getElementById('refused').open = true")
  assert 'study/Doe.txt' in page.text('refused-table')
  page.run("document.querySelectorAll('#scans button')[1].click()")
  page.wait(_IS_DONE)
  assert 'of 3' in page.text('place')
  assert 'until the other 1 scan is scored' in page.text('kept')
  page.run("document.querySelectorAll('#all-scans button')[0].click()")
  page.wait("document.getElementById('place').innerText.includes('of 5')")
  assert 'are deleted' in page.text('kept')
  assert page.problems == []


def test_refusals_are_words(serve, page, tmp_path, series):
  client = serve(limits={'bytes': 4 << 10, 'files': 20, 'sessions': 1})
  page.goto(client.url, 1280, 800)
  for paths, expected in (
    (series, 'MB are taken'),
    ([*series, series[0]], 'at most 20 are taken'),
  ):
    page.choose_files('files', paths)
    page.wait(
      f"document.getElementById('problem').innerText.includes('{expected}')"
    )
  assert not client.server.sessions
  note = tmp_path / 'Doe.txt'
  note.write_text('Jane Doe')
  page.choose_files('files', [note])
  page.wait(
    "document.getElementById('problem').innerText.includes('There is no scan')"
  )
  assert 'neither PNG' in page.text('refused-table')
  assert 'Doe.txt' in page.text('refused-table')
  client.open()
  archive = tmp_path / 'a.zip'
  with zipfile.ZipFile(archive, 'w') as file:
    file.writestr('x', 'y')
  page.choose_files('files', [archive])
  page.wait(
    "document.getElementById('problem').innerText.includes('is the limit')"
  )


def test_a_server_that_is_gone_is_told(serve, page, series):
  client = serve()
  page.goto(client.url, 1280, 800)
  page.choose_files('files', series)
  page.wait(_IS_DONE)
  client.server.should_exit = True
  page.wait("document.getElementById('problem').innerText.includes('stopped')")
  assert page.run("document.getElementById('result').hidden")
  assert not client.server.sessions
