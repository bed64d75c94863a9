# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The report of a run: its numbers, its page, its pictures."""

import html.parser
import io
import json
import re
import shutil

from etils import epath
import numpy as np
from PIL import Image
import pytest

from bit_covid import report
from bit_covid.analysis import aggregation
from bit_covid.analysis import calibration
from bit_covid.analysis import intervals
from bit_covid.analysis import metrics
from bit_covid.analysis import operating_points
from bit_covid.analysis import predictions
from bit_covid.training import manifest


class _Cells(html.parser.HTMLParser):
  """Collects the rows of all tables as lists of text."""

  def __init__(self):
    super().__init__()
    self.rows = []

  def handle_starttag(self, tag, attrs):
    if tag == 'tr':
      self.rows.append([])
    elif tag in ('td', 'th'):
      self.rows[-1].append('')

  def handle_data(self, data):
    if self.rows and self.rows[-1]:
      self.rows[-1][-1] += data if data.strip() else ''


def test_numbers_are_those_of_the_modules(make_run, write_report):
  workdir = make_run()
  _, numbers = write_report(workdir)
  assert list(numbers) == ['val', 'test']
  tables = {
    name: predictions.read(workdir / 'predictions' / f'{name}.csv')
    for name in numbers
  }
  table, found = tables['test'], numbers['test']
  # The layout that a run leaves without a report stays as it is.
  summary = metrics.summary(
    metrics.confusion_matrix(table), predictions.class_names(table)
  )
  assert {key: found[key] for key in summary} == summary
  for part, measures in (
    (table, found['slice']['measures']),
    (
      aggregation.aggregate_patients(table, 'vote'),
      found['patient']['vote']['measures'],
    ),
  ):
    for name, interval in intervals.intervals(part).items():
      expected = np.stack(interval, axis=-1)
      if name in metrics.OVERALL:
        got = np.array(list(measures[name].values()), float)
      else:
        got = np.array(
          [list(x.values()) for x in measures[name].values()], float
        )
      np.testing.assert_array_equal(got, expected)
  temperature = calibration.fit_temperature(tables['val'])
  assert found['calibration']['temperature'] == temperature
  after = calibration.apply_temperature(table, temperature)
  got = found['calibration']['after']
  assert {name: x['value'] for name, x in got.items()} == (
    calibration.measure(after)
  )
  assert (got['ece']['low'], got['ece']['high']) == (None, None)
  for name, interval in calibration.losses_intervals(after).items():
    assert tuple(got[name].values()) == interval
  point = found['operating_points']['points'][-1]
  threshold = operating_points.threshold(tables['val'], 'NCP', 0.99)
  assert (point['class'], point['threshold']) == ('NCP', threshold)
  assert (
    point['specificity']['value']
    == operating_points.at_threshold(table, 'NCP', threshold)[
      'specificity'
    ].value
  )
  assert [x['name'] for x in found['subgroups']] == [
    'Site <A> & co',
    'Site B|C',
  ]
  assert [x['is_small'] for x in found['subgroups']] == [False, True]


def test_page_shows_the_numbers(make_run, write_report):
  workdir = make_run()
  page, numbers = write_report(workdir)
  cells = _Cells()
  cells.feed(page)
  found = numbers['test']['slice']['measures']

  def shown(measure):
    return [
      f'{100 * x["value"]:.2f}{100 * x["low"]:.2f} to {100 * x["high"]:.2f}'
      for x in found[measure].values()
    ]

  assert ['Sensitivity, %', *shown('sensitivity')] in cells.rows
  assert ['PPV, %', *shown('ppv')] in cells.rows
  accuracy = found['accuracy']
  assert f'{100 * accuracy["value"]:.2f} %' in page
  assert (
    f'95 % interval {100 * accuracy["low"]:.2f} to '
    f'{100 * accuracy["high"]:.2f}' in page
  )
  assert '72 slices of 18 patients (6 Normal, 6 CP, 6 NCP)' in page
  for row in (
    ['Fingerprint of test', 'b86a4096c4418756'],
    ['Seed', '7'],
    ['Commit', '5675de8e'],
    ['Device', '2 x cpu'],
    ['Started', 'not recorded'],
    ['Data changed during the run', 'val: 2 labels changed, such as a'],
  ):
    assert row in cells.rows


def test_page_is_whole_in_itself(make_run, write_report):
  workdir = make_run()
  page, _ = write_report(workdir)
  assert page.count('Research software, not a medical device.') == 1
  assert not re.search(r'https?://|<script|<link|@import', page)
  # Names from a table are text.
  assert 'Site &lt;A&gt; &amp; co' in page
  assert 'Site <A>' not in page
  images = re.findall(r'<img src="([^"]*)" alt="([^"]+)"', page)
  ids = re.findall(r' id="([^"]*)"', page)
  assert len(ids) == len(set(ids))
  figures = list((workdir / 'report' / 'figures').glob('*.png'))
  assert len(images) == len(figures) == 8
  assert all(x.startswith('data:image/png;base64,') for x, _ in images)
  for path in figures:
    assert Image.open(io.BytesIO(path.read_bytes())).width == 768


def test_published_rows_are_marked_as_of_other_data(make_run, write_report):
  workdir = make_run()
  page, _ = write_report(workdir)
  assert 'the published rows are of covidx_ct/2a test, the numbers' in page
  assert 'This run, on other data' in page
  assert 'drawn by the software itself' in page
  for model in ('COVID-Net CT-2 L', 'COVID-Net CT-2 S', 'Bit-M (paper)'):
    assert model in page


@pytest.mark.parametrize(
  ('data', 'init', 'expected'),
  [
    ('covidx_ct/2a', 'Textures-M-tiny', {'upper bound', 'not on photographs'}),
    ('covidx_ct/2a', 'BiT-M-R50x1', {'upper bound'}),
    ('image_folder', 'w/Textures-S-tiny.npz', {'not on photographs'}),
    ('textures/m', 'random', {'nothing about patients'}),
    ('image_folder', 'random', set()),
  ],
)
def test_caution_is_that_of_the_data_and_of_the_pre_training(
  make_run, data, init, expected
):
  workdir = make_run(splits=('test',), data_name=data)
  config = json.loads((workdir / 'config.json').read_text())
  (workdir / 'config.json').write_text(json.dumps(config | {'init': init}))
  path = report.write_report(workdir, file_format='markdown')
  head = path.read_text('utf-8').split('\n## ')[0]
  cautions = {'upper bound', 'nothing about patients', 'not on photographs'}
  assert {text for text in cautions if text in head} == expected


def test_part_of_the_test_split_is_not_comparable_either(
  make_run, write_report
):
  workdir = make_run(data_name='covidx_ct/2a')
  page, _ = write_report(workdir)
  assert 'with its 25,658 slices, the numbers above of 72.' in page


def test_numbers_of_other_splits_are_kept(make_run, write_report):
  workdir = make_run(splits=('test',))
  (workdir / 'report').mkdir()
  (workdir / 'report' / 'metrics.json').write_text('{"old": {"slices": 3}}')
  _, numbers = write_report(workdir)
  assert numbers['old'] == {'slices': 3}


def test_a_report_made_again_leaves_no_checksum_of_what_is_gone(
  make_run, write_report
):
  workdir = make_run()
  write_report(workdir)
  picture = workdir / 'report' / 'figures' / 'errors.png'
  picture.write_bytes(b'made by the training, which had the images')
  manifest.write(epath.Path(workdir), {})
  shutil.rmtree(workdir / 'report')
  assert manifest.problems(workdir)
  write_report(workdir)
  assert not manifest.problems(workdir)
  # A file of another folder is still missed.
  (workdir / 'config.json').unlink()
  manifest.forget_missing(workdir, 'report')
  assert manifest.problems(workdir) == ['config.json is missing']


def test_gallery_shows_errors_of_a_folder(make_run, write_report, tmp_path):
  workdir = make_run(splits=('test',))
  folder = tmp_path / 'images'
  folder.mkdir()
  for i in range(72):
    Image.new('L', (20, 16), i).save(folder / f'test_{i:04d}.png')
  page, _ = write_report(workdir, images=folder)
  assert 'Surest first, at most one slice of each patient' in page
  assert (workdir / 'report' / 'figures' / 'errors.png').exists()
  page, _ = write_report(workdir, images=lambda slice_id: None)
  assert 'are not shown: There is no image of' in page


def test_splits_of_the_run_are_shown(make_run, write_report):
  workdir = make_run(splits=('test',))
  page, _ = write_report(workdir)
  assert 'The training split is not predicted.' in page
  assert 'test, NCP: 24 slices of 6 patients"' in page
  (workdir / 'splits.csv').write_text(
    'split,class,slices,patients\n'
    'test,Normal,1,1\n'
    'train,Normal,1000,70\n'
    'train,NCP,2000,80\n'
  )
  config = json.loads((workdir / 'config.json').read_text())
  config['data']['per_class'] = 100
  (workdir / 'config.json').write_text(json.dumps(config))
  page, _ = write_report(workdir)
  assert 'The training split is not predicted.' not in page
  assert 'alt="train, Normal: 1,000 slices of 70 patients; train' in page
  # What was predicted is counted there.
  assert 'test, Normal: 24 slices of 6 patients;' in page
  assert '100 slices of each class were trained on' in page


def test_maps_of_gradcam_are_shown(make_run, write_report):
  workdir = make_run(splits=('test',))
  (workdir / 'gradcam').mkdir()
  Image.new('L', (20, 16)).save(workdir / 'gradcam' / 'NCP.png')
  (workdir / 'gradcam' / 'NCP.txt').write_text('Three slices of NCP.')
  page, _ = write_report(workdir)
  assert 'Where the network looks' in page
  assert 'Three slices of NCP.' in page


def test_markdown_has_the_same_tables(make_run):
  workdir = make_run()
  path = report.write_report(workdir, file_format='markdown')
  text = path.read_text('utf-8')
  assert path.name == 'report.md'
  assert text.count('Research software, not a medical device.') == 1
  numbers = json.loads((path.parent / 'metrics.json').read_text())
  accuracy = numbers['test']['slice']['measures']['accuracy']
  assert (
    f'| {100 * accuracy["value"]:.2f} ({100 * accuracy["low"]:.2f} to' in text
  )
  assert r'Site \<A\> & co' in text
  assert r'Site B\|C' in text
  for name in re.findall(r'\]\((figures/[^)]*)\)', text):
    assert (path.parent / name).exists()
  tables = re.findall(r'(?:^\|.*\|$\n)+', text.replace(' | \n', ' |\n'), re.M)
  assert len(tables) >= 9
  for rows in tables:
    widths = {
      len(re.findall(r'(?<!\\)\|', row)) for row in rows.strip().split('\n')
    }
    assert len(widths) == 1


def test_prevalences_of_the_command_line(make_run, capsys):
  workdir = make_run(splits=('test',))
  assert report.main([str(workdir), '--prevalence=20,2']) == 0
  assert capsys.readouterr().out == f'{workdir}/report/index.html\n'
  page = (workdir / 'report' / 'index.html').read_text('utf-8')
  numbers = (workdir / 'report' / 'metrics.json').read_text()
  found = json.loads(numbers)['test']
  rows = found['prevalence']['NCP']
  assert [row['prevalence'] for row in rows] == [0.2, 0.02]
  ppv, npv = metrics.at_prevalence(
    found['sensitivity']['NCP'], found['specificity']['NCP'], 0.02
  )
  assert (rows[1]['ppv'], rows[1]['npv']) == (ppv, npv)
  low, high = rows[1]['ppv_low'], rows[1]['ppv_high']
  assert low < ppv < high
  cells = _Cells()
  cells.feed(page)
  assert f'{100 * ppv:.1f}{100 * low:.1f} to {100 * high:.1f}' in next(
    row[-1] for row in cells.rows if row[:2] == ['2 %', 'PPV']
  )


def test_two_classes_of_other_names(make_run, write_report):
  workdir = make_run(class_names=('healthy', 'ill'), data_name='image_folder')
  page, numbers = write_report(workdir)
  # The published rows are of three classes: there is nothing to compare.
  assert 'Published results' not in page
  assert 'COVID-Net CT' not in page
  found = numbers['test']['slice']['measures']
  for one, other in (('healthy', 'ill'), ('ill', 'healthy')):
    assert found['sensitivity'][one] == found['specificity'][other]
