# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The files of a run: facts, model, and counts of its splits."""

import dataclasses
import json

from etils import epath
import jax
import numpy as np
import pytest

from bit_covid.analysis import predictions
from bit_covid.training import run_directory
from bit_covid.training import run_identity
from bit_covid.training import same_run
from bit_covid.weights import bit_npz
from configs import demo
import input_pipeline

NAMES = ('Normal', 'CP', 'NCP')


def _make_val(*, temperature, count=6000):
  """Returns predictions that are overconfident by a known temperature."""
  generator = np.random.default_rng(0)
  truth = generator.dirichlet(np.ones(3), count)
  label = np.array([generator.choice(3, p=row) for row in truth])
  sharp = truth**temperature
  ids = [f's{i}' for i in range(count)]
  return predictions.make_table(
    slice_id=ids,
    patient_id=ids,
    source=ids,
    label=label,
    probabilities=sharp / sharp.sum(1, keepdims=True),
    class_names=NAMES,
  )


@pytest.fixture
def examples():
  """A split without slices."""
  empty = np.zeros(0)
  return input_pipeline.Examples(
    class_names=NAMES,
    slice_id=empty,
    patient_id=empty,
    source=empty,
    label=empty,
    box=empty,
    digest=empty,
    read=lambda i: b'',
    window=(-600.0, 1500.0),
  )


def _with_slices(examples, label, patient_id):
  """Returns a split of as many slices as there are labels."""
  count = len(label)
  return dataclasses.replace(
    examples,
    slice_id=np.array([f's{i}' for i in range(count)]),
    patient_id=np.array(patient_id),
    source=np.array(['here'] * count),
    label=np.array(label, np.int32),
    box=np.zeros((count, 4), np.int32),
    digest=np.array([f'd{i}' for i in range(count)]),
  )


@pytest.fixture
def save(tmp_path, random_params, examples):
  def save(val_table):
    run_directory.save_model(
      demo.get_config(),
      epath.Path(tmp_path),
      random_params('tiny'),
      examples,
      val_table,
    )
    return bit_npz.load(tmp_path / 'model.npz').metadata

  return save


def test_temperature_is_that_of_val(save):
  table = _make_val(temperature=2.5)
  assert save(table).temperature == pytest.approx(2.5, rel=0.05)


def test_without_val_there_is_no_temperature(save):
  metadata = save(None)
  assert metadata.temperature is None
  assert metadata.window == (-600.0, 1500.0)
  assert metadata.preprocessing['crop'] == 64


def test_all_splits_are_counted_before_the_first_step(tmp_path, examples):
  train = _with_slices(examples, [0, 0, 0, 2], ['a', 'a', 'b', 'c'])
  run_directory.write_facts(
    demo.get_config(), epath.Path(tmp_path), {'train': train, 'test': examples}
  )
  assert (tmp_path / 'splits.csv').read_text().splitlines() == [
    'split,class,slices,patients',
    'train,Normal,3,2',
    'train,CP,0,0',
    'train,NCP,1,1',
    'test,Normal,0,0',
    'test,CP,0,0',
    'test,NCP,0,0',
  ]


def _write_facts(config, workdir, examples, num_slices):
  label = np.arange(num_slices) % 3
  train = _with_slices(examples, label, np.arange(num_slices).astype(str))
  run_directory.write_facts(config, workdir, {'train': train})


@pytest.mark.parametrize(
  ('num_slices', 'per_class', 'steps', 'alpha'),
  [(30, 0, '500', 0.0), (20_001, 0, '10k', 0.1), (30, 7000, '10k', 0.1)],
)
def test_run_of_the_hyper_rule_is_known_again(
  tmp_path, examples, num_slices, per_class, steps, alpha
):
  workdir = epath.Path(tmp_path)
  asked = demo.get_config('steps=auto')
  asked.data.per_class = per_class
  resolved = demo.get_config(f'steps={steps}')
  resolved.data.per_class = per_class
  resolved.mixup_alpha = alpha
  _write_facts(resolved, workdir, examples, num_slices)
  same_run.check_same_config(asked, workdir)
  asked.seed = 1
  with pytest.raises(ValueError, match=r'config: seed is 0 there, 1 here\.'):
    same_run.check_same_config(asked, workdir)


def test_run_of_another_schedule_is_not_one_of_the_hyper_rule(
  tmp_path, examples
):
  workdir = epath.Path(tmp_path)
  _write_facts(demo.get_config('steps=5k'), workdir, examples, 30)
  with pytest.raises(ValueError, match=r'schedule is .*5000\] there, .*500\]'):
    same_run.check_same_config(demo.get_config('steps=auto'), workdir)


@pytest.fixture
def train(examples):
  """A split of five slices."""
  return _with_slices(examples, [0, 0, 1, 1, 2], ['a', 'a', 'b', 'c', 'd'])


def _replace(values, i, value):
  values = values.copy()
  values[i] = value
  return values


def _change(train, **values):
  """Changes the third slice."""
  columns = {k: _replace(getattr(train, k), 2, x) for k, x in values.items()}
  return dataclasses.replace(train, **columns)


@pytest.mark.parametrize(
  ('change', 'message'),
  [
    (lambda x: _change(x, label=0), '1 labels changed, such as s2'),
    (lambda x: _change(x, digest='x'), '1 images changed, such as s2'),
    (lambda x: _change(x, patient_id='x'), '1 patients changed, such as s2'),
    (lambda x: _change(x, source='x'), '1 sources changed, such as s2'),
    (lambda x: _change(x, box=(1, 2, 3, 4)), '1 boxes changed, such as s2'),
    (lambda x: x.take([0, 2, 4]), '2 slices removed, such as s1'),
    (
      lambda x: _change(x, slice_id='n2'),
      '1 slices added, such as n2; 1 slices removed, such as s2',
    ),
    (lambda x: x.take([1, 0, 2, 3, 4]), 'the order of slices or classes'),
  ],
)
def test_changed_data_are_refused_with_what_changed_unless_allowed(
  tmp_path, train, change, message
):
  workdir, config = epath.Path(tmp_path), demo.get_config()
  splits = {'train': train, 'val': train}
  run_directory.write_facts(config, workdir, splits)
  before = {x: x.read_bytes() for x in tmp_path.rglob('*') if x.is_file()}
  splits['val'] = change(train)
  with pytest.raises(ValueError, match='with other data') as error:
    run_directory.write_facts(config, workdir, splits)
  assert f'Changed since: val: {message}. Restore' in str(error.value)
  assert '--config.data.allow_change=True' in str(error.value)
  assert before == {x: x.read_bytes() for x in before}
  config.data.allow_change = True
  run_directory.write_facts(config, workdir, splits)
  facts = run_identity.read(workdir)
  assert facts['data']['allow_change'] is True
  assert facts['fingerprints'] == {k: x.fingerprint for k, x in splits.items()}
  first, second = json.loads((tmp_path / 'run.json').read_text())
  assert 'data_changes' not in first
  assert second['data_changes'] == [f'val: {message}']
  # From now on the run is of these data, and those of before are a change.
  config.data.allow_change = False
  run_directory.write_facts(config, workdir, splits)
  with pytest.raises(ValueError, match='with other data') as error:
    run_directory.write_facts(config, workdir, {'train': train, 'val': train})
  assert ('val: the order' in str(error.value)) == ('the order' in message)


def test_other_classes_are_never_allowed(tmp_path, train):
  workdir, config = epath.Path(tmp_path), demo.get_config()
  run_directory.write_facts(config, workdir, {'train': train})
  config.data.allow_change = True
  other = dataclasses.replace(train, class_names=('CP', 'Normal', 'NCP'))
  with pytest.raises(
    ValueError, match=r'classes are Normal, CP, NCP; .* CP, N'
  ):
    run_directory.write_facts(config, workdir, {'train': other})


def test_changed_data_of_a_run_without_a_record_are_refused(tmp_path, train):
  workdir, config = epath.Path(tmp_path), demo.get_config()
  run_directory.write_facts(config, workdir, {'train': train})
  path = tmp_path / 'slices' / 'train.csv.gz'
  whole, other = path.read_bytes(), _change(train, label=0)
  for content in (b'', whole[:30], whole[:30] + b'!' + whole[31:]):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'train: not known what, as slices'):
      run_directory.write_facts(config, workdir, {'train': other})
  path.unlink()
  with pytest.raises(ValueError, match=r'train: not known what, as slices'):
    run_directory.write_facts(config, workdir, {'train': other})
  # It is written as soon as the data are known to be the same.
  run_directory.write_facts(config, workdir, {'train': train})
  with pytest.raises(ValueError, match='train: 1 labels changed'):
    run_directory.write_facts(config, workdir, {'train': other})


def test_a_finished_run_that_is_begun_again_is_not_finished(tmp_path, train):
  workdir, config = epath.Path(tmp_path), demo.get_config()
  run_directory.write_facts(config, workdir, {'train': train})
  run_directory.mark_finished(workdir)
  # A run that is refused stays as it is.
  config.seed = 1
  with pytest.raises(ValueError, match='another config'):
    run_directory.write_facts(config, workdir, {'train': train})
  assert run_directory.is_finished(workdir)
  config.seed = 0
  run_directory.write_facts(config, workdir, {'train': train})
  assert not run_directory.is_finished(workdir)


def test_differences_name_the_path_of_each_value():
  found = {'a': 1, 'data': {'crop': 64, 'box': 'none'}, 'free': 1, 'old': 0}
  asked = {'a': 1, 'data': {'crop': 32, 'box': 'none'}, 'free': 2, 'new': 3}
  assert run_identity.differences(found, asked, ignored=('free',)) == [
    'data.crop is 64 there, 32 here',
    'new is None there, 3 here',
    'old is 0 there, None here',
  ]


def test_each_start_is_added_to_run_json(tmp_path):
  workdir = epath.Path(tmp_path) / 'new'
  run_identity.write(workdir, {'seed': 0})
  run_identity.write(workdir, {'seed': 1}, devices=['cpu:TensorFlow'])
  assert run_identity.read(workdir) == {'seed': 1}
  first, second = json.loads((workdir / 'run.json').read_text())
  assert first['devices'] == ['cpu:cpu', 'cpu:cpu']
  assert second['devices'] == ['cpu:TensorFlow']


def test_damaged_config_is_named(tmp_path):
  (tmp_path / 'config.json').write_text('{"seed": ')
  with pytest.raises(
    ValueError,
    match=r'json is cut off .*, from line 1 on\. Restore .*, or choose',
  ):
    run_identity.read(epath.Path(tmp_path))


def _evaluated(workdir, facts, splits):
  run_identity.begin_evaluation(workdir, facts, splits, flag='--output')
  for name, examples in splits.items():
    run_identity.add_split(workdir, name, examples)


def test_results_of_one_network_gather_splits(tmp_path, examples):
  workdir = epath.Path(tmp_path) / 'run'
  facts = {'data': {'crop': 64}, 'init': 'a.npz'}
  other = dataclasses.replace(examples, digest=np.array(['x']))
  _evaluated(workdir, facts, {'val': examples})
  _evaluated(workdir, facts, {'test': other})
  found = json.loads((workdir / 'config.json').read_text())
  assert found == {
    **facts,
    'fingerprints': {'val': examples.fingerprint, 'test': other.fingerprint},
  }
  # Facts of a training that an evaluation does not know are not compared.
  run_identity.write(workdir, {**found, 'momentum': 0.9})
  _evaluated(workdir, facts, {'val': examples})
  with pytest.raises(ValueError, match=r'crop is 64 there, 32 here.*--output'):
    _evaluated(workdir, {**facts, 'data': {'crop': 32}}, {'val': examples})
  with pytest.raises(ValueError, match=r'fingerprints\.val is .* there'):
    _evaluated(workdir, facts, {'val': other})


def test_a_split_counts_as_evaluated_once_its_results_are_there(
  tmp_path, examples
):
  workdir, facts = epath.Path(tmp_path / 'run'), {'init': 'a.npz'}
  _evaluated(workdir, facts, {'val': examples})
  splits = {'val': examples, 'test': examples}
  # As if the evaluation were stopped before its end.
  run_identity.begin_evaluation(workdir, facts, splits, flag='--output')
  known = run_identity.read(workdir)['fingerprints']
  assert known == {'val': examples.fingerprint}


def test_predictions_of_an_unknown_network_are_not_mixed(tmp_path, examples):
  (tmp_path / 'predictions').mkdir()
  (tmp_path / 'predictions' / 'val.csv').touch()
  with pytest.raises(ValueError, match=r'val\.csv, and no config\.json'):
    _evaluated(epath.Path(tmp_path), {}, {'val': examples})


def test_facts_are_json_and_name_versions_and_devices():
  facts = json.loads(json.dumps(run_identity.collect_versions()))
  assert facts['packages']['jax'] == jax.__version__
  assert facts['packages']['numpy'] == np.__version__
  assert None not in facts['packages'].values()
  assert facts['devices'] == ['cpu:cpu', 'cpu:cpu']
  assert facts['hosts'] == 1
