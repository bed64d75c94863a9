# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tables of trainings without some patients, against NumPy."""

import json

from etils import epath
import numpy as np
import pytest

from bit_covid.analysis import interval as interval_lib
from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts
from bit_covid.audit.model import labels_left_out
from bit_covid.audit.model import left_out
from bit_covid.audit.model import sources_left_out
from bit_covid.training import run_directory

_SLICES = 6


def _by_patient(examples, names):
  """Returns a source for each slice: patient i is of `names[i]` in turn."""
  patient = np.arange(len(examples)) // _SLICES
  return np.array([names[i % len(names)] for i in patient])


@pytest.fixture
def make_run(make_subject, make_examples):
  """Makes a subject of three sources, of which train may have others."""

  def make(*, source=None, train_source=None, rate=0.9, **options):
    examples = make_examples(patients=12)
    source = _by_patient(examples, 'ABC') if source is None else source
    train_source = source if train_source is None else train_source
    test, train = (
      make_examples(patients=12, source=x) for x in (source, train_source)
    )
    hit = np.random.default_rng(0).random(len(test)) < rate
    return make_subject(examples=test, train=train, hit=hit, **options)

  return make


def _finish(subject, leave_out, hit):
  """Writes a finished run with some right predictions; returns its table."""
  run = left_out.LeftOut(leave_out)
  folder = run.folder(subject.workdir / left_out.FOLDER)
  label = subject.examples.label
  table = subject.table.copy()
  predicted = np.where(hit, label, (label + 1) % 3)
  table.iloc[:, -3:] = np.where(np.eye(3)[predicted] == 1, 0.8, 0.1)
  # Its rows may be in another order.
  predictions.write(table.iloc[::-1], folder / 'predictions' / 'test.csv')
  facts = {'data': {'leave_out': leave_out}}
  (folder / 'config.json').write_text(json.dumps(facts))
  _write_counts(subject, folder, patients=7)
  run_directory.mark_finished(epath.Path(folder))


def _write_counts(subject, folder, *, patients):
  examples = subject.splits['train'].take(range(patients * _SLICES))
  counts = split_counts.count(
    'train', examples.label, examples.patient_id, examples.class_names
  )
  predictions.write(counts, folder / 'splits.csv')


def test_what_is_possible_by_hand(make_run, make_examples):
  blank = make_examples(patients=12)
  source = _by_patient(blank, 'ABC')
  train_source = source.copy()
  train_source[source == 'C'] = 'D'
  train_source[blank.label == 1] = 'A'
  source[-_SLICES:] = ''
  subject = make_run(source=source, train_source=train_source)
  found = {x.leave_out: x.problem for x in left_out.of_sources(subject)}
  assert found == {
    'source=A': 'class CP is in no other source',
    'source=B': '',
    'source=C': 'train has none of these patients',
    'source=D': 'test has none of its patients',
  }


def test_without_runs_the_sources_stand_beside_the_whole(make_run):
  subject = make_run()
  found = sources_left_out.check(subject)
  assert found.severity == 'NOT CHECKED'
  assert f'bit-covid leave-out {subject.workdir}' in found.text
  table = found.table
  assert table['Patients of'].tolist() == ['all', *'AABBCC']
  assert table['Slices'].tolist() == [216, 72, '', 72, '', 72, '']
  hit = predictions.probabilities(subject.table).argmax(1) == (
    subject.examples.label
  )
  for name in 'ABC':
    share = 100 * hit[subject.examples.source == name].mean()
    row = table[(table['Patients of'] == name) & (table['Trained'] == 'on all')]
    assert row['Accuracy'].item().startswith(f'{share:.1f} % (')
  others = table.loc[table['Trained'] == 'without it', 'Minus on all, points']
  assert others.tolist() == ['not made'] * 3


def test_a_source_that_is_lost_is_a_warning_with_the_numbers_of_numpy(make_run):
  subject = make_run()
  source, label = subject.examples.source, subject.examples.label
  generator = np.random.default_rng(1)
  hits = {}
  for name, rate in {'A': 0.9, 'C': 0.3}.items():
    hits[name] = generator.random(len(label)) < rate
    _finish(subject, f'source={name}', hits[name])
  found = sources_left_out.check(subject)
  assert found.severity == 'WARNING'
  assert found.text.startswith('On the slices of C, ')
  assert 'Not made: trainings without B;' in found.text
  assert found.advice
  table = found.table.set_index(['Patients of', 'Trained'])
  before = predictions.probabilities(subject.table).argmax(1) == label
  for name, hit in hits.items():
    here = source == name
    row = table.loc[(name, 'without it')]
    assert row['Accuracy'].startswith(f'{100 * hit[here].mean():.1f} % (')
    gain = 100 * (hit[here].mean() - before[here].mean())
    assert row['Minus on all, points'].startswith(f'{gain:+.1f} (')
    share = 100 * hit[here & (label == 2)].mean()
    assert row['Sensitivity, NCP'].startswith(f'{share:.1f} % (')
    assert (row['Slices'], row['Patients']) == (72, 12)
  assert table.loc[('B', 'without it'), 'Minus on all, points'] == 'not made'


def test_sources_that_are_not_lost_are_a_note(make_run):
  subject = make_run(rate=0.8)
  generator = np.random.default_rng(2)
  for name in 'ABC':
    hit = generator.random(len(subject.examples)) < 0.8
    _finish(subject, f'source={name}', hit)
  found = sources_left_out.check(subject)
  assert found.severity == 'NOTE'
  assert 'Not made' not in found.text
  assert not found.advice


def test_what_is_not_possible_says_why(make_run, make_examples):
  blank = make_examples(patients=12)
  source = _by_patient(blank, 'AB')
  source[blank.label == 1] = 'A'
  table = sources_left_out.check(make_run(source=source)).table
  row = table[table['Patients of'] == 'A'].iloc[-1]
  expected = 'not possible: class CP is in no other source'
  assert row['Minus on all, points'] == expected


@pytest.mark.parametrize('names', ['A', ' '])
def test_one_source_is_not_checked(make_run, make_examples, names):
  source = _by_patient(make_examples(patients=12), [names.strip()])
  found = sources_left_out.check(make_run(source=source))
  assert found.severity == 'NOT CHECKED'
  assert 'not of two sources' in found.text


def test_val_alone_is_not_checked(make_run):
  subject = make_run()
  subject = subject._replace(
    judged='val',
    splits={**subject.splits, 'val': subject.examples},
    tables={'val': subject.table},
  )
  assert 'on val alone' in sources_left_out.check(subject).text


def test_unknown_patients_are_said(make_run):
  subject = make_run()
  names = subject.examples.slice_id
  for examples in subject.splits.values():
    object.__setattr__(examples, 'patient_id', names)
  subject.table['patient_id'] = names
  _finish(subject, 'source=A', np.ones(len(names), bool))
  assert 'Patients are not known' in sources_left_out.check(subject).text


@pytest.mark.parametrize(
  ('rate', 'severity'), [(0.95, 'WARNING'), (0.6, 'NOTE'), (0.3, 'NOTE')]
)
def test_labels_that_do_harm_are_a_warning(make_run, rate, severity):
  subject = make_run(rate=0.6)
  _write_counts(subject, subject.workdir, patients=36)
  assert labels_left_out.check(subject).severity == 'NOT CHECKED'
  hit = np.random.default_rng(3).random(len(subject.examples)) < rate
  _finish(subject, 'slice selection=Automatic', hit)
  # A source is no label.
  _finish(subject, 'source=A', ~hit)
  found = labels_left_out.check(subject)
  assert found.severity == severity
  table = found.table
  assert table['Training patients'].tolist() == ['36', '7']
  assert table['Trained'][1] == 'without slice selection=Automatic'
  before = predictions.probabilities(subject.table).argmax(1) == (
    subject.examples.label
  )
  gain = 100 * (hit.mean() - before.mean())
  assert table['Minus on all, points'][1].startswith(f'{gain:+.1f} (')
  assert table['Accuracy'][1].startswith(f'{100 * hit.mean():.1f} % (')


def test_many_changes_by_chance_are_none():
  interval = interval_lib.Interval(-0.1, -0.2, -0.01)
  change = left_out.Change(interval, interval, interval, chance=0.02)
  assert left_out.is_any([change] * 2, sign=-1)
  assert not left_out.is_any([change] * 3, sign=-1)
  assert not left_out.is_any([change], sign=1)
