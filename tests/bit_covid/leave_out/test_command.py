# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""`bit-covid leave-out` as a person runs it, on drawn slices."""

import json
import shutil

from etils import epath
import numpy as np
from PIL import Image
import pytest

from bit_covid.analysis import predictions
from bit_covid.analysis import split_counts
from bit_covid.audit import model
from bit_covid.cli import train
from bit_covid.leave_out import command
from bit_covid.leave_out import session
from bit_covid.training import run_directory
from bit_covid.training import run_identity

pytestmark = pytest.mark.usefixtures('small_network')

_CLASSES = ('Normal', 'CP', 'NCP')
_PATIENTS = {'train': 3, 'val': 1, 'test': 2}
# CP comes from A and C; of D there is nothing in test.
_SOURCES = {'A': _CLASSES, 'B': ('Normal', 'NCP'), 'C': _CLASSES, 'D': ('NCP',)}


@pytest.fixture(autouse=True)
def without_cache(monkeypatch):
  """The tests have a cache of their own."""
  monkeypatch.setattr('bit_covid.base.compilation_cache.enable', lambda: None)


def _write_images(folder, sources=_SOURCES):
  """Writes a CSV with two images of each patient, and one of metadata."""
  generator = np.random.default_rng(0)
  lines = ['path,label,split,patient,source']
  metadata = ['patient id,chosen by']
  for source, classes in sources.items():
    for split, count in _PATIENTS.items():
      for label in classes if (source, split) != ('D', 'test') else ():
        for i in range(count):
          who = f'{split}-{source}-{label}-{i}'
          metadata.append(f'{who},{"network" if i == 1 else "human"}')
          for k in range(2):
            pixels = generator.integers(0, 256, [36, 36], np.uint8)
            Image.fromarray(pixels).save(folder / f'{who}-{k}.png')
            lines.append(f'{who}-{k}.png,{label},{split},{who},{source}')
  (folder / 'images.csv').write_text('\n'.join(lines))
  (folder / 'metadata.csv').write_text('\n'.join(metadata))
  return folder / 'images.csv'


@pytest.fixture(scope='module')
def data(tmp_path_factory):
  return _write_images(tmp_path_factory.mktemp('data'))


@pytest.fixture(scope='module')
def pooled(tmp_path_factory, small_network, make_small_config, data):
  """A run of four steps on all patients."""
  config = make_small_config()
  config.data.name, config.data.path = 'image_folder', str(data)
  config.data.box = 'none'
  config.schedule = (2, 4)
  config.report = False
  folder = tmp_path_factory.mktemp('pooled') / 'run'
  train.train_and_report(config, folder)
  return folder


@pytest.fixture
def run(pooled, tmp_path):
  return shutil.copytree(pooled, tmp_path / 'run')


@pytest.fixture
def trained(monkeypatch):
  """What left data each training that was begun had."""
  begun = []
  original = session.train.train_and_report

  def record(config, folder):
    begun.append(config.data.leave_out)
    return original(config, folder)

  monkeypatch.setattr(session.train, 'train_and_report', record)
  return begun


def _main(run, data, *arguments):
  return command.main([str(run), f'--data={data}', *arguments])


def test_what_it_costs_is_shown_before_anything_is_made(
  run, data, trained, capsys
):
  assert _main(run, data, '--dry_run') == 0
  printed = capsys.readouterr().out
  rows = [line.split() for line in printed.splitlines()]
  assert ['source=A', 'to', 'be', 'made'] in rows
  assert 'source=D' in printed
  assert 'not possible: test has none of its patients' in printed
  # Three runs of 4 steps of 8 images. Of val they evaluate 14 slices without A
  # or C (18 less 6, or 4 for B), of test 32.
  evaluated = 2 * (18 - 6) + (18 - 4) + 3 * 32
  assert ['all', 'runs', '3', '12', '96', str(evaluated)] in [
    row[:6] for row in rows
  ]
  assert 'The run on all patients took' in printed
  assert not trained
  assert not (run / 'leave_out').exists()


def test_only_the_rest_is_made_and_the_numbers_are_those_of_numpy(
  run, data, trained, monkeypatch
):
  record = session.train.train_and_report

  def stop_at_second(config, folder):
    if len(trained) == 1:
      raise KeyboardInterrupt
    return record(config, folder)

  with monkeypatch.context() as patch:
    patch.setattr(session.train, 'train_and_report', stop_at_second)
    assert _main(run, data) == 130
  assert trained == ['source=A']
  assert _main(run, data) == 0
  assert trained == ['source=A', 'source=B', 'source=C']
  # Nothing is left.
  assert _main(run, data) == 0
  assert len(trained) == 3
  folder = run / 'leave_out'
  _check_splits(folder / 'runs')
  content = json.loads((folder / 'leave_one_out.json').read_text())
  (found,) = content['findings']
  assert found['check'] == 'Sources left out'
  _check_rows(found['table'], run)
  page = (folder / 'leave_one_out.html').read_text()
  assert 'Sources left out' in page
  # The audit makes the same check.
  assert found['check'] in model.CHECKS


def _check_splits(runs):
  """Patients of each split, counted by hand."""
  for source, left in {'A': 18, 'B': 21, 'C': 18}.items():
    counts = split_counts.read(runs / f'source={source}' / 'splits.csv')
    patients = counts.groupby('split')['patients'].sum()
    # Nine classes of sources, with three, one, and (but for D) two patients.
    assert patients['train'] == left
    assert patients['val'] == left / 3
    assert patients['test'] == 16


def _check_rows(rows, run):
  whole = predictions.read(run / 'predictions' / 'test.csv')
  by_name = {(row['Patients of'], row['Trained']): row for row in rows}
  for source in 'ABC':
    path = run / 'leave_out' / 'runs' / f'source={source}' / 'predictions'
    part = predictions.read(path / 'test.csv')
    shares = []
    for table, training in ((whole, 'on all'), (part, 'without it')):
      here = (table['source'] == source).to_numpy()
      predicted = predictions.probabilities(table).argmax(axis=1)
      hit = predicted == table['label'].to_numpy(np.int64)
      shares.append(100 * hit[here].mean())
      row = by_name[source, training]
      assert row['Accuracy'].startswith(f'{shares[-1]:.1f} % (')
      assert row['Slices'] == here.sum()
    gain = f'{shares[1] - shares[0]:+.1f} ('
    assert by_name[source, 'without it']['Minus on all, points'].startswith(
      gain
    )
  reason = by_name['D', 'without it']['Minus on all, points']
  assert reason == 'not possible: test has none of its patients'


def test_patients_of_a_kind_are_left_out(run, data, trained):
  metadata = f'--metadata={data.parent / "metadata.csv"}'
  assert _main(run, data, '--by=chosen by=network', metadata) == 0
  assert trained == ['chosen by=network']
  path = run / 'leave_out' / 'leave_one_out.json'
  (found,) = json.loads(path.read_text())['findings']
  assert found['check'] == 'Labels left out'
  rows = [(x['Training patients'], x['Trained']) for x in found['table']]
  expected = [('27', 'on all'), ('18', 'without chosen by=network')]
  assert rows == expected
  facts = json.loads(
    (run / 'leave_out/runs/chosen by=network/config.json').read_text()
  )
  assert 'metadata' not in facts['data']


@pytest.fixture
def of_any_data(run):
  """A run that does not say which data it was trained on."""
  path = run / 'config.json'
  facts = json.loads(path.read_text())
  path.write_text(json.dumps(facts | {'fingerprints': {}}))
  return run


def test_a_class_of_one_source_is_a_row_and_no_refusal(
  of_any_data, tmp_path, capsys
):
  data = _write_images(tmp_path, _SOURCES | {'C': ('Normal',)})
  assert _main(of_any_data, data, '--dry_run') == 0
  printed = capsys.readouterr().out
  assert 'not possible: class CP is in no other source' in printed


def test_one_source_is_refused(of_any_data, tmp_path, capsys):
  data = _write_images(tmp_path, {'A': _CLASSES})
  assert _main(of_any_data, data) == 2
  message = 'sources of the slices are A; expected two'
  _check_error(capsys, message, of_any_data)


def test_a_run_that_diverges_leaves_the_table_of_the_others(
  run, data, monkeypatch, capsys
):
  def train_but_b(config, folder):
    """Stands in for a training that ends as the one on all."""
    if config.data.leave_out == 'source=B':
      raise FloatingPointError('Loss is NaN.')
    shutil.copytree(run / 'predictions', folder / 'predictions')
    facts = json.loads(config.to_json())
    facts['data'] = run_identity.without_places(facts['data'])
    (folder / 'config.json').write_text(json.dumps(facts))
    run_directory.mark_finished(epath.Path(folder))

  monkeypatch.setattr(session.train, 'train_and_report', train_but_b)
  assert _main(run, data) == 1
  assert 'Diverged: source=B: Loss is NaN.' in capsys.readouterr().out
  path = run / 'leave_out' / 'leave_one_out.json'
  (found,) = json.loads(path.read_text())['findings']
  assert found['severity'] == 'NOTE'
  assert 'Not made: trainings without B;' in found['text']


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['--by=hospital'], 'expected source, or COLUMN=VALUE'),
    (['--by=source='], 'expected source, or COLUMN=VALUE'),
    (['--by=chosen by=network'], 'goes with --metadata'),
    (['--metadata=x.csv'], 'goes without --metadata'),
    (['--by=chosen by=robot', '--metadata={}'], 'train has none of these'),
    (['--by=chosen=network', '--metadata={}'], "no column 'chosen'"),
    (['--by=source=D'], 'test has none of its patients'),
    (['--by=x=y', '--metadata=/no/such.csv'], '/no/such.csv'),
  ],
)
def test_wrong_arguments_get_one_line(
  run, data, trained, arguments, message, capsys
):
  metadata = data.parent / 'metadata.csv'
  assert _main(run, data, *(x.format(metadata) for x in arguments)) == 2
  _check_error(capsys, message, run)
  assert not trained


def _check_error(capsys, message, run):
  error = capsys.readouterr().err
  assert error.startswith('Error: ')
  assert message in error
  assert error.count('\n') == 1
  assert not (run / 'leave_out').exists()


def test_other_data_are_refused(run, tmp_path, capsys):
  other = _write_images(tmp_path, {'A': _CLASSES, 'B': _CLASSES})
  assert _main(run, other) == 2
  _check_error(capsys, 'is not the split that', run)


def _unfinish(run):
  (run / 'finished.json').unlink()


def _judge_val(run):
  (run / 'predictions' / 'test.csv').unlink()


def _set(run, field, value):
  path = run / 'config.json'
  facts = json.loads(path.read_text())
  facts['data'][field] = value
  path.write_text(json.dumps(facts))


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (_unfinish, 'holds no finished training'),
    (_judge_val, 'evaluated on val alone'),
    (lambda run: _set(run, 'per_class', 3), 'data.per_class is 3'),
    (lambda run: _set(run, 'leave_out', 'source=A'), 'data.leave_out is'),
  ],
)
def test_a_run_that_is_not_whole_is_refused(
  run, data, change, message, trained, capsys
):
  change(run)
  assert _main(run, data) == 2
  _check_error(capsys, message, run)
  assert not trained
