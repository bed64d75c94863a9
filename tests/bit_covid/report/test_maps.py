# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the report says of maps, from files written by hand."""

import numpy as np
import pytest

from bit_covid import report
from bit_covid.analysis import predictions


def test_numbers_of_the_files(make_run, write_report):
  workdir = make_run(with_maps=True)
  page, numbers = write_report(workdir)
  assert 'maps' not in numbers['val']
  energy = numbers['test']['maps']['energy']
  assert (energy['drawn'], energy['without_box'], energy['zero']) == (12, 3, 0)
  assert energy['boxes'] == ['annotated']
  table = predictions.read(workdir / 'predictions' / 'test.csv')
  # The slices that have a box; those of the tables are of NAMES in turn.
  of_run = predictions.probabilities(table).argmax(axis=1)[:9]
  right = float(np.mean(of_run == np.arange(9) % 3))
  assert 0 < right < 1
  inside = energy['all'].pop('inside')
  assert inside['value'] == pytest.approx(0.9)
  assert inside['low'] < 0.9 < inside['high']
  assert energy['all'] == {
    'slices': 9,
    'patients': 6,
    'accuracy': pytest.approx(1 / 3),
    'accuracy_of_run': pytest.approx(right),
    'area': 0.5,
  }
  assert [x['slices'] for x in energy['by_class'].values()] == [3, 3, 3]
  found = numbers['test']['maps']['randomization']
  assert (found['slices'], found['seeds'], found['zero']) == (12, 5, 0)
  assert found['all']['head'] == pytest.approx(
    {'mean': 0.2, 'low': 0, 'high': 0.4}
  )
  assert list(found['by_class']) == ['Normal', 'CP', 'NCP']
  for text in (
    'Left out: 3 slices without a box.',
    'was never shown what lies outside',
    'A map has 2 x 2 positions',
    'Of these whole slices, 33.3 % are predicted rightly; of the same slices '
    f'as the network gets them, {100 * right:.1f} %.',
    'Mean over 12 slices of test',
    f'<td>90.00<span class="detail">{100 * inside["low"]:.2f} to',
    '<td>50.00</td>',
    '<td>0.20<span class="detail">0.00 to 0.40</span></td>',
  ):
    assert text in page, text


def test_panels_are_in_the_order_of_the_classes(make_run, write_report):
  workdir = make_run(with_maps=True)
  (workdir / 'gradcam' / 'Also.png').write_bytes(
    (workdir / 'gradcam' / 'CP.png').read_bytes()
  )
  page, _ = write_report(workdir)
  places = [
    page.index(f'id="figure-gradcam_{name}"')
    for name in ('Normal', 'CP', 'NCP', 'Also')
  ]
  assert places == sorted(places)


def test_run_on_whole_slices_says_so(make_run, write_report):
  workdir = make_run(with_maps=True)
  path = workdir / 'config.json'
  path.write_text(path.read_text().replace('annotated', 'none'))
  page, _ = write_report(workdir)
  assert 'The network was trained on whole slices.' in page
  assert 'was never shown' not in page


@pytest.mark.parametrize(
  ('name', 'change', 'messages'),
  [
    (
      'energy',
      lambda text: text.replace('annotated,0.9,0.5', ',,'),
      ['was not measured. None of 12 slices has both', 'Left out: 12 slices'],
    ),
    (
      'energy',
      lambda text: text.replace('0.9', ''),
      ['None of 12 slices has both', '9 slices whose map is zero'],
    ),
    (
      'randomization',
      lambda text: text.splitlines()[0],
      ['There is no gradcam/randomization.csv of the split.'],
    ),
  ],
  ids=['no box', 'no map', 'no rows'],
)
def test_what_could_not_be_measured_is_said(
  make_run, write_report, name, change, messages
):
  workdir = make_run(with_maps=True)
  path = workdir / 'gradcam' / f'{name}.csv'
  path.write_text(change(path.read_text()))
  page, _ = write_report(workdir)
  for message in messages:
    assert message in page


def test_maps_that_are_zero_are_not_compared(make_run, write_report):
  workdir = make_run(with_maps=True)
  path = workdir / 'gradcam' / 'randomization.csv'
  lines = path.read_text().splitlines()
  lines[1:] = [line.rpartition(',')[0] + ',' for line in lines[1:]]
  path.write_text('\n'.join(lines))
  page, numbers = write_report(workdir)
  assert 'The map of each slice that was drawn is zero everywhere.' in page
  assert numbers['test']['maps']['randomization']['zero'] == 12


def test_without_files_the_pictures_stand_alone(make_run, write_report):
  workdir = make_run(with_maps=True)
  for name in ('energy', 'randomization'):
    (workdir / 'gradcam' / f'{name}.csv').unlink()
  page, numbers = write_report(workdir)
  assert 'What speaks for these maps was not measured' in page
  assert 'maps' not in numbers['test']


def test_evidence_of_a_split_without_predictions_is_left_out(
  make_run, write_report
):
  workdir = make_run(with_maps=True, splits=('val',))
  _, numbers = write_report(workdir)
  assert 'maps' not in numbers['val']


def test_damaged_file_is_named(make_run, capsys):
  workdir = make_run(with_maps=True)
  (workdir / 'gradcam' / 'energy.csv').write_text('nonsense\n')
  assert report.main([str(workdir)]) == 2
  assert 'energy.csv: the columns are' in capsys.readouterr().err
