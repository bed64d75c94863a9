# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Files to a predictions table, as a notebook asks for it."""

import zipfile

import numpy as np
import pytest

from bit_covid.analysis import predictions


def test_the_notebook_reads_dicom_and_archives(classifier, study, tmp_path):
  with pytest.warns(UserWarning, match='3 of 20|a localizer') as caught:
    table = classifier.predict(study)
  messages = sorted(str(x.message) for x in caught)
  assert messages[0].startswith('3 of 20 slices are not scored')
  assert messages[1].startswith('Left out: 1 x a localizer')
  assert table['slice_id'][2] == str(study / 'Doe_Jane_02.dcm')
  assert table['patient_id'].nunique() == 1
  assert table['p_NCP'].notna().sum() == 17
  (said,) = table.attrs['certainty'].items()
  assert said[0] == table['patient_id'][0]
  assert 'How often such a result is right is not known' in said[1]
  path = tmp_path / 'a.zip'
  with zipfile.ZipFile(path, 'w') as file:
    for each in sorted(study.glob('Doe*')):
      file.write(each, each.name)
  with pytest.warns(UserWarning, match='3 of 20'):
    again = classifier.predict(path)
  np.testing.assert_array_equal(
    predictions.probabilities(again), predictions.probabilities(table)
  )
  broken = tmp_path / 'broken.dcm'
  broken.write_bytes((study / 'Doe_Jane_05.dcm').read_bytes()[:-3000])
  with pytest.raises(ValueError, match=r'broken\.dcm: .*end is missing'):
    classifier.predict(broken)


def test_a_refused_scan_has_probabilities_only_without_the_check(
  with_detector, study
):
  classifier = with_detector(0.0, 1e-6, 2e-6)
  with pytest.warns(UserWarning, match='20 of 20|a localizer') as caught:
    table = classifier.predict(study)
  assert any('17 x the scan is too unlike' in str(x.message) for x in caught)
  assert table['p_NCP'].isna().all()
  assert table.attrs['certainty'] == {}
  with pytest.warns(UserWarning, match='1 of 1 scans|a localizer') as caught:
    table = classifier.predict(study, check=False)
  assert any('Distance from the training' in str(x.message) for x in caught)
  assert table['p_NCP'].notna().all()


def test_a_scan_that_calls_for_caution_has_probabilities_and_a_warning(
  with_detector, study
):
  classifier = with_detector(0.0, 1e-6, 1e6)
  with pytest.warns(UserWarning, match='scans|slices|a localizer') as caught:
    table = classifier.predict(study)
  texts = [str(x.message) for x in caught]
  assert any(x.startswith('1 of 1 scans: 1 x Distance from') for x in texts)
  assert table['p_NCP'].notna().sum() == 17
