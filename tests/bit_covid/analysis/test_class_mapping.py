# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Classes of other data sets, matched with those of a network."""

import numpy as np
import pytest
import scipy.special

from bit_covid.analysis import class_mapping
from bit_covid.analysis import predictions

_COVIDX = ('Normal', 'CP', 'NCP')
_TWO = ('COVID', 'non-COVID')


@pytest.mark.parametrize(
  ('network', 'data', 'names', 'of_network', 'of_data', 'text'),
  [
    (_COVIDX, _COVIDX, _COVIDX, [0, 1, 2], [0, 1, 2], ''),
    (_COVIDX, ('NCP', 'Normal'), _COVIDX, [0, 1, 2], [2, 0], ''),
    (
      _COVIDX,
      _TWO,
      ('Normal or CP', 'NCP'),
      [0, 0, 1],
      [1, 0],
      'non-COVID is Normal or CP, COVID is NCP',
    ),
    (
      _TWO,
      _COVIDX,
      _TWO,
      [0, 1],
      [1, 1, 0],
      'NCP is COVID, Normal and CP are non-COVID',
    ),
    (
      _TWO,
      ('NORMAL', 'covid_19', 'Common Pneumonia', 'negative'),
      _TWO,
      [0, 1],
      [1, 0, 1, 1],
      'covid_19 is COVID, NORMAL and Common Pneumonia and negative are '
      'non-COVID',
    ),
    # Not the same after signs are dropped.
    (_TWO, ('COVID-', 'COVID+'), None, [0, 1], [1, 0], None),
    (_TWO, ('1NonCOVID', '2COVID', '3CAP'), None, [0, 1], [1, 0, 1], None),
    (_COVIDX, ('2019-nCoV', '0_Normal'), None, [0, 1, 2], [2, 0], None),
    # A class of its own is told by its name, whatever the capitals.
    (('Tumour', 'NCP'), ('TUMOUR', 'COVID-19'), None, [0, 1], [0, 1], None),
    # A name that both have means the same on both sides.
    (
      ('Normal', 'NCP', 'non-COVID'),
      ('non-COVID', 'NCP', 'Normal'),
      None,
      [0, 1, 2],
      [2, 1, 0],
      '',
    ),
  ],
)
def test_names_are_matched_by_what_they_mean(
  network, data, names, of_network, of_data, text
):
  found = class_mapping.make(network, data, {})
  assert found.names == (names or network)
  assert found.of_network.tolist() == of_network
  assert found.of_data.tolist() == of_data
  assert text is None or found.text == text


def test_what_the_user_says_comes_before_the_rule():
  data = ('COVID', 'Tumour', 'Fibrosis')
  chosen = class_mapping.parse(['COVID:CP', 'COVID:NCP', 'Tumour:Normal'])
  chosen |= class_mapping.parse(['Fibrosis:'])
  found = class_mapping.make(_COVIDX, data, chosen)
  assert found.names == ('Normal', 'CP or NCP')
  assert found.of_network.tolist() == [0, 1, 1]
  assert found.of_data.tolist() == [1, 0, -1]
  assert found.text.endswith('Fibrosis is left out')


def test_classes_merge_through_each_other():
  # x joins a and b, y joins c and d, z joins b and c.
  texts = ['x:a', 'x:b', 'y:c', 'y:d', 'z:b', 'z:c']
  chosen = class_mapping.parse(texts)
  found = class_mapping.make(tuple('abcde'), ('x', 'y', 'z', 'E'), chosen)
  assert found.names == ('a or b or c or d', 'e')
  assert found.of_data.tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
  ('names', 'judged'),
  [(_COVIDX, 2), (_TWO, 0), (('a', 'b', 'c'), 2), (('covid-19', 'x'), 0)],
)
def test_covid_is_judged_or_the_last_class(names, judged):
  assert class_mapping.make(names, names, {}).judged == judged


def test_probabilities_of_merged_classes_are_summed():
  generator = np.random.default_rng(0)
  logits = generator.normal(0, 8, (50, 3)).astype(np.float32)
  probabilities = scipy.special.softmax(logits.astype(np.float64), axis=1)
  expected = np.stack(
    [probabilities[:, 0] + probabilities[:, 1], probabilities[:, 2]], axis=1
  )
  mapping = class_mapping.make(_COVIDX, _TWO, {})
  merged = mapping.merged_logits(logits)
  assert merged.dtype == np.float32
  np.testing.assert_allclose(
    scipy.special.softmax(merged.astype(np.float64), axis=1),
    expected,
    atol=1e-6,
  )
  label = generator.integers(0, 3, 50)
  names = [str(i) for i in range(50)]
  table = mapping.merged_table(
    predictions.make_table(
      slice_id=names,
      patient_id=names,
      source=names,
      label=label,
      probabilities=probabilities,
      class_names=_COVIDX,
    )
  )
  assert predictions.class_names(table) == ('Normal or CP', 'NCP')
  assert table['label'].tolist() == [int(x == 2) for x in label]
  np.testing.assert_allclose(predictions.probabilities(table), expected)


def test_logits_of_equal_classes_stay_the_same():
  logits = np.random.default_rng(0).normal(0, 30, (1000, 3)).astype(np.float32)
  mapping = class_mapping.make(_COVIDX, _COVIDX, {})
  np.testing.assert_array_equal(mapping.merged_logits(logits), logits)


@pytest.mark.parametrize(
  ('network', 'data', 'texts', 'message'),
  [
    (
      _COVIDX,
      ('Normal', 'Adenocarcinoma', 'Flu'),
      [],
      'Adenocarcinoma, Flu.*Normal, CP, NCP.*--map=Adenocarcinoma:CLASS',
    ),
    (('COVID', 'Normal'), _COVIDX, [], 'include CP;.*--map=CP: to leave out'),
    (_COVIDX, _TWO, ['COVID:Flu'], '--map names Flu; the network tells Normal'),
    (('Normal', 'CP'), ('non-COVID',), [], 'nothing to tell apart'),
  ],
)
def test_classes_that_do_not_fit_are_refused(network, data, texts, message):
  with pytest.raises(ValueError, match=message):
    class_mapping.make(network, data, class_mapping.parse(texts))


def test_wrong_texts_and_unused_ones_are_refused():
  for text in ('COVID', ':NCP'):
    with pytest.raises(ValueError, match=r'expected THEIRS:OURS'):
      class_mapping.parse([text])
  chosen = class_mapping.parse(['Covid:NCP'])
  with pytest.raises(ValueError, match=r'names Covid; .* are COVID, a, b'):
    class_mapping.check_used(chosen, [('COVID', 'a'), ('b', 'a')])
