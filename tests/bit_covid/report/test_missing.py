# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What a report says where something is missing, and what it refuses."""

import re

import numpy as np
from PIL import Image
import pytest

from bit_covid import report
from bit_covid.analysis import predictions
from bit_covid.base import files


def _change(workdir, change, split='test'):
  """Applies a function to a predictions table; drops its features."""
  path = workdir / 'predictions' / f'{split}.csv'
  predictions.write(change(predictions.read(path)), path)
  (workdir / 'predictions' / f'{split}_features.npz').unlink()


def test_without_val_nothing_is_chosen(make_run, write_report):
  workdir = make_run(splits=('test',))
  page, numbers = write_report(workdir)
  assert 'No temperature. There are no predictions of a split val.' in page
  assert 'No operating points. There are no predictions of a split val.' in page
  assert numbers['test']['calibration']['temperature'] is None
  assert numbers['test']['operating_points']['points'] == []


def test_val_alone_is_not_measured_on_itself(make_run, write_report):
  workdir = make_run(splits=('val',))
  page, _ = write_report(workdir)
  assert 'No temperature. A temperature is chosen on val and' in page


def test_absent_class_is_undefined(make_run, write_report):
  workdir = make_run()
  for split in ('val', 'test'):
    _change(workdir, lambda table: table[table['label'] != 1], split)
  page, numbers = write_report(workdir)
  assert numbers['test']['sensitivity']['CP'] is None
  assert numbers['test']['slice']['measures']['balanced_accuracy'] == {
    'value': None,
    'low': None,
    'high': None,
  }
  assert 'undefined' in page
  assert 'val has no slice of CP.' in page
  assert 'No t-SNE: there is no test_features.npz of test.' in page


@pytest.mark.filterwarnings('error')
def test_any_class_name_can_be_reported(make_run, write_report):
  names = ('Normal\U0003fffd', 'CP/bacterial $x', '_NCP')
  workdir = make_run(class_names=names)
  (workdir / 'gradcam').mkdir()
  panel = workdir / 'gradcam' / f'{files.safe_name(names[1])}.png'
  Image.new('L', (20, 16)).save(panel)
  page, _ = write_report(workdir)
  assert page.count('class 1 is Normal\U0003fffd.') == 1
  assert 'gradcam_CP~2fbacterial $x' in page
  assert 'Sensitivity CP/bacterial $x' in page


def test_metadata_of_one_split_are_used_for_it(make_run, write_report):
  workdir = make_run()
  path = workdir / 'metadata.csv'
  rows = [f'test{i},Iran,F,40' for i in range(12)]
  path.write_text('\n'.join(['patient id,country,sex,age', *rows]))
  page, numbers = write_report(workdir, metadata=path)
  assert 'metadata hold: 0 of 18 of val; 12 of 18 of test.' in page
  kinds = {x: {y['by'] for y in numbers[x]['subgroups']} for x in numbers}
  assert kinds == {
    'val': {'source'},
    'test': {'source', 'country', 'sex', 'age'},
  }
  path.write_text('patient id,country,sex,age\nq,Iran,F,40')
  with pytest.raises(ValueError, match='hold none of the 18 patients'):
    write_report(workdir, metadata=path)


def test_one_patient_leaves_nearly_all_open(make_run, write_report):
  workdir = make_run(splits=('test',))
  _change(workdir, lambda table: table[table['patient_id'] == 'test0'])
  page, numbers = write_report(workdir)
  accuracy = numbers['test']['slice']['measures']['accuracy']
  assert accuracy['high'] - accuracy['low'] > 0.9
  assert '4 slices of 1 patient (1 Normal, 0 CP, 0 NCP)' in page


def test_patients_of_several_labels_have_no_numbers(make_run, write_report):
  workdir = make_run(splits=('test',))
  _change(workdir, lambda table: table.assign(patient_id='one'))
  page, numbers = write_report(workdir)
  assert 'different labels' in numbers['test']['patient']['missing']
  assert 'No numbers by patient.' in page
  assert numbers['test']['slice']['patients_of_several_classes'] == 1
  assert '1 of 1 patient have slices of more than one class.' in page


def test_patients_whom_nobody_named_are_not_counted(make_run, write_report):
  workdir = make_run()
  for split in ('val', 'test'):
    _change(
      workdir,
      lambda table: table.assign(patient_id=table['slice_id']),
      split,
    )
  page, numbers = write_report(workdir)
  found = numbers['test']
  assert found['slice']['patients_known'] is False
  assert found['slice']['patients'] is None
  assert found['slice']['patients_by_class'] is None
  assert 'Patients are not known' in found['patient']['missing']
  assert 'intervals are over slices and too narrow' in page
  assert 'Results by patient' not in page
  assert '72 patients' not in page
  assert '72 slices (24 Normal, 24 CP, 24 NCP)' in page


def test_tied_votes_are_said(make_run, write_report):
  workdir = make_run(splits=('test',))
  columns = ['p_Normal', 'p_CP', 'p_NCP']

  def tie(table):
    # Two slices each for two classes.
    table.loc[table.index[:4], columns] = [
      *[[0.6, 0.4, 0.0]] * 2,
      *[[0.1, 0.9, 0.0]] * 2,
    ]
    return table

  _change(workdir, tie)
  page, numbers = write_report(workdir)
  ties = numbers['test']['patient']['vote']['ties']
  assert ties >= 1
  assert f'The votes of {ties} of 18 patients are tied' in page


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (
      lambda table: table.assign(p_CP=table['p_CP'].where(table.index != 3)),
      "test: 1 of 72 rows .* such as 'test_0003.png'",
    ),
    (
      lambda table: table.assign(p_CP=table['p_CP'] + 0.5),
      '72 of 72 rows have probabilities that do not add up to 1',
    ),
    (
      lambda table: table.assign(slice_id='one'),
      r'1 slices of the table occur more than once \(one\)',
    ),
    (
      lambda table: table.assign(p_CP=np.inf),
      '72 of 72 rows have probabilities that do not add up to 1',
    ),
    (lambda table: table.head(0), 'test: The table holds 0 slices'),
    (lambda table: table.assign(label=9), '72 of 72 labels are not in'),
    (lambda table: table.assign(patient_id=''), '72 of 72 .* no patient_id'),
  ],
  ids=['NaN', 'sum', 'twice', 'infinite', 'empty', 'label', 'patient'],
)
def test_bad_tables_are_refused_in_one_line(make_run, capsys, change, message):
  workdir = make_run(splits=('test',))
  _change(workdir, change)
  assert report.main([str(workdir)]) == 2
  captured = capsys.readouterr()
  assert captured.out == ''
  assert re.fullmatch(f'Error: .*{message}.*\n', captured.err)
  assert not (workdir / 'report').exists()


@pytest.mark.parametrize(
  ('name', 'message'),
  [
    ('predictions/test_features.npz', 'no slice_id and features'),
    (
      'config.json',
      'config.json is cut off or damaged, from line 1 on. Restore',
    ),
    ('run.json', 'run.json is cut off or damaged'),
    ('report/metrics.json', 'metrics.json is cut off or damaged'),
    ('metrics.jsonl', 'metrics.jsonl:1: the line is damaged; restore'),
  ],
)
def test_damaged_files_are_named(make_run, capsys, name, message):
  workdir = make_run(splits=('test',))
  (workdir / name).parent.mkdir(exist_ok=True)
  (workdir / name).write_text('nonsense\nnonsense\n')
  assert report.main([str(workdir)]) == 2
  assert message in capsys.readouterr().err


def test_features_of_other_slices_are_refused(make_run, capsys):
  workdir = make_run()
  folder = workdir / 'predictions'
  (folder / 'val_features.npz').rename(folder / 'test_features.npz')
  assert report.main([str(workdir)]) == 2
  assert 'that are not the 72 of the predictions' in capsys.readouterr().err


@pytest.mark.parametrize(
  ('argument', 'message'),
  [
    ('--prevalence=200', 'expected percents from 0 to 100'),
    ('--prevalence=a', 'expected percents from 0 to 100'),
    ('--metadata=nowhere.csv', 'nowhere.csv'),
    ('--images=nowhere', 'The folder nowhere does not exist'),
  ],
)
def test_bad_arguments_are_refused_in_one_line(
  make_run, capsys, argument, message
):
  assert report.main([str(make_run(splits=('test',))), argument]) == 2
  error = capsys.readouterr().err
  assert error.startswith('Error: ')
  assert error.count('\n') == 1
  assert message in error


def test_folder_without_predictions_is_refused(tmp_path, capsys):
  assert report.main([str(tmp_path)]) == 2
  assert 'holds no <split>.csv' in capsys.readouterr().err
