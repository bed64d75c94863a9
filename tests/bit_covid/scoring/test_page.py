# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What the page of a scan says, and the curve on it."""

import numpy as np

from bit_covid.scoring import certainty
from bit_covid.scoring import page
from bit_covid.scoring import verdict


def test_ranges():
  assert page.ranges([1, 2, 3, 7, 9, 10]) == '1-3, 7, 9-10'
  assert page.ranges([]) == ''


def test_findings_name_their_slices(make_result):
  result = make_result('x', 0.5, (0.5, 'y'), 'x', 'x')
  assert page.findings(result) == [('x', 3, '1, 4-5'), ('y', 1, '3')]


def test_facts_of_the_scan(make_result):
  facts = dict(page.facts(make_result(0.5, 'x')))
  assert facts['Slices'] == '2, 1 of them count'
  assert facts['Read from'] == 'DICOM series'
  assert facts['Distance of slices'] == '5 mm'
  assert facts['Order'] == 'from head to feet, by position'


def test_the_curve_is_of_the_slices_that_count(make_result):
  figure = page.probability_curve(make_result(0.75, 'x', (0.5, 'y'), 0.25))
  (axes,) = figure.axes
  lines = axes.get_lines()
  assert [x.get_label() for x in lines] == ['A', 'B']
  for line, values in zip(lines, ([0.75, 0.25], [0.25, 0.75]), strict=True):
    np.testing.assert_array_equal(line.get_xdata(), [1, 4])
    np.testing.assert_array_equal(line.get_ydata(), values)
  # Gray behind the two others.
  assert len(axes.patches) == 2


def test_the_page_of_a_scan_that_was_not_scored(make_result):
  text = page.render(make_result('no lungs'), ['careful'])
  assert 'No slice was scored' in text
  assert 'careful' in text
  assert '<img' not in text
  assert 'Doe' not in text


def test_the_page_shows_probabilities_by_method(make_result):
  text = page.render(make_result(0.75, 0.5), [])
  assert 'Most probable: A' in text
  for name in page.AGGREGATIONS.values():
    assert f'<th scope="row">{name}</th><td>62.5 %</td><td>37.5 %</td>' in text


def test_ways_to_join_the_slices_that_disagree_are_named(make_result):
  assert page.disagreement(make_result(0.75)) == ''
  assert page.disagreement(make_result('no lungs')) == ''
  result = make_result(0.75, vote=0.4, max=0.3)
  assert page.disagreement(result) == (
    'The ways to join the slices disagree. A: mean of the slices, ten surest '
    'slices of each class. B: surest slice of each class, share of slices that '
    'vote for the class.'
  )
  assert 'disagree. A: mean' in page.render(result, [])
  assert 'disagree' not in page.render(make_result(0.75), [])


def test_the_page_says_how_often_such_a_result_is_right(make_result):
  known = certainty.Certainty('Of 40, 36.')
  result = make_result(0.75, vote=0.4, certainty=known)
  assert '<p id="certainty">Of 40, 36.</p>' in page.render(result, [])
  assert page.worth(result) == ['Of 40, 36.', page.disagreement(result)]
  assert page.worth(make_result(0.75)) == []


def test_the_page_begins_with_the_verdict(make_result):
  text = page.render(make_result(0.75), [])
  assert '<p id="verdict"><strong>Accepted: the scan is like' in text
  doubtful = verdict.Verdict('caution', ('Far.', 'Odd.'), 12.5)
  text = page.render(make_result(0.75, verdict=doubtful), [])
  assert '<p id="verdict" class="note"><strong>Caution:' in text
  assert '</strong> Far. Odd.</p>' in text


def test_the_page_of_a_withheld_scan_names_no_class(make_result):
  far = verdict.Verdict('refused', ('Far.',), 99.0, is_withheld=True)
  text = page.render(make_result(verdict.UNFAMILIAR, verdict=far), [])
  assert '<h1>Refused: unlike the training</h1>' in text
  assert 'Most probable' not in text
  assert 'No slice was scored' not in text
