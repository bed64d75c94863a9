# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training from end to end on drawn slices: learning, resumption, refusals."""

import json
import pathlib
import shutil
import time
import types

import jax
import ml_collections
import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from bit_covid.analysis import predictions
from bit_covid.base import disk
from bit_covid.inference import network as network_lib
from bit_covid.models import resnet_v2
from bit_covid.training import check_config
from bit_covid.training import disk_space
from bit_covid.training import fit_detector
from bit_covid.training import metric_log
from bit_covid.training import same_run
from bit_covid.training import schedule
from bit_covid.training import steps
from bit_covid.training import train
from bit_covid.weights import bit_npz
from bit_covid.weights import metadata
from configs import common
import input_pipeline
from tests import changed_updates

# The tiny phantom has 4 patients a class in its training split, and 3 slices a
# patient.
NUM_TRAIN = 36
SPLITS = ('train', 'val', 'test')


pytestmark = pytest.mark.usefixtures('small_network')


@pytest.fixture
def config(make_small_config):
  return make_small_config()


@pytest.fixture(scope='module', autouse=True)
def few_patients():
  """The six patients of val are enough for limits of unlike scans."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(fit_detector, 'FEWEST_PATIENTS', 6)
    yield


@pytest.fixture(scope='module')
def finished_run(
  make_small_config, small_network, few_patients, tmp_path_factory
):
  """The folder and the metrics of a run of `config`, not to be written to."""
  del small_network, few_patients
  config = make_small_config()
  config.report = False
  workdir = tmp_path_factory.mktemp('finished') / 'run'
  return workdir, train.train_and_evaluate(config, workdir).metrics


@pytest.fixture
def copied_run(finished_run, tmp_path):
  """A copy of `finished_run`."""
  workdir, metrics = finished_run
  return shutil.copytree(workdir, tmp_path / 'copied'), metrics


@pytest.fixture(autouse=True)
def no_maps(monkeypatch):
  """Maps are tested in their own modules; drawing them takes seconds."""
  for module in (train.map_panels, train.map_evidence):
    monkeypatch.setattr(module, 'write', lambda *a, **k: None)


def _losses(workdir):
  rows = metric_log.read(workdir / 'metrics.jsonl')
  return {row['step']: row['train_loss'] for row in rows if 'train_loss' in row}


def _train_only(config, workdir):
  """Trains without an evaluation, for tests of the losses alone."""
  config.eval_every = 0
  config.final_splits = ()
  train.train_and_evaluate(config, workdir)


def _stop_after(monkeypatch, steps):
  """Makes the input end with an error, as a crash would."""
  original = input_pipeline.train_batches

  def train_batches(*args, first_step, **kwargs):
    dataset = original(*args, first_step=first_step, **kwargs)

    def batches():
      for step, batch in enumerate(dataset.as_numpy_iterator(), first_step):
        if step == steps + 1:  # One batch is taken ahead.
          raise KeyboardInterrupt
        yield batch

    return types.SimpleNamespace(as_numpy_iterator=batches)

  monkeypatch.setattr(input_pipeline, 'train_batches', train_batches)


def test_metrics_are_measured_when_they_are_due(finished_run):
  workdir, _ = finished_run
  rows = metric_log.read(workdir / 'metrics.jsonl')
  assert [(row['step'], sorted(row)[-1]) for row in rows] == [
    (3, 'train_loss'),
    (4, 'val_loss'),
    (6, 'train_loss'),
    (8, 'train_loss'),
    (8, 'val_loss'),
  ]
  rates = [row['learning_rate'] for row in rows if 'learning_rate' in row]
  # Of the updates 2, 5 and 7, counted from 0.
  np.testing.assert_allclose(rates, [3e-3, 3e-4, 3e-5], rtol=1e-5)


def test_results_are_those_of_scikit_learn(finished_run):
  workdir, metrics = finished_run
  table = predictions.read(workdir / 'predictions' / 'val.csv')
  label = table['label'].to_numpy(int)
  probabilities = predictions.probabilities(table)
  accuracy = sklearn_metrics.accuracy_score(label, probabilities.argmax(1))
  assert metrics['val']['accuracy'] == pytest.approx(accuracy)
  # The last evaluation is of the parameters whose predictions are written.
  (row,) = [
    row
    for row in metric_log.read(workdir / 'metrics.jsonl')
    if row['step'] == 8 and 'val_loss' in row
  ]
  assert row['val_accuracy'] == pytest.approx(accuracy)
  expected = sklearn_metrics.log_loss(label, probabilities, labels=[0, 1, 2])
  assert row['val_loss'] == pytest.approx(expected)


def test_logged_loss_is_the_mean_since_the_last_time(
  config, tmp_path, finished_run
):
  config.log_every = 1
  _train_only(config, tmp_path)
  each = [loss for _, loss in sorted(_losses(tmp_path).items())]
  assert len(each) == 8
  expected = {3: each[:3], 6: each[3:6], 8: each[6:]}
  found = _losses(finished_run[0])
  assert list(found) == list(expected)
  for step, losses in expected.items():
    assert found[step] == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize('mixup_alpha', [0.0, 0.1])
def test_first_loss_is_ln_3(config, tmp_path, mixup_alpha):
  config.log_every = 1
  config.mixup_alpha = mixup_alpha
  _train_only(config, tmp_path)
  assert _losses(tmp_path)[1] == pytest.approx(np.log(3), rel=1e-6)


def test_resumed_run_is_the_uninterrupted_one_bit_for_bit(
  config, tmp_path, monkeypatch, finished_run
):
  whole, parts = finished_run[0], tmp_path / 'parts'
  with monkeypatch.context() as patch:
    _stop_after(patch, 6)
    with pytest.raises(KeyboardInterrupt):
      train.train_and_evaluate(config, parts)
  # Measured after the checkpoint of step 4: it is dropped and measured again.
  assert 6 in _losses(parts)
  assert not (parts / 'model.npz').exists()
  train.train_and_evaluate(config, parts)
  for name in (
    *('metrics.jsonl', 'predictions/test.csv', 'report/metrics.json'),
    *('out_of_distribution.npz', 'validation_patients.json'),
  ):
    assert (parts / name).read_bytes() == (whole / name).read_bytes(), name
  jax.tree.map(
    np.testing.assert_array_equal,
    bit_npz.load(parts / 'model.npz').params,
    bit_npz.load(whole / 'model.npz').params,
  )
  starts = json.loads((parts / 'run.json').read_text())
  assert len(starts) == 2


def test_limits_are_those_of_val_cropped_as_scans_are(finished_run, config):
  network = network_lib.Network.load(finished_run[0])
  assert network.detector.facts['box'] == 'automatic'
  assert network.detector.facts['train'] == {'slices': 36, 'patients': 12}
  medians = []
  val = input_pipeline.load_split(config.data, 'val')
  prepared = np.stack(
    [network.prepare(val.image(i))[0] for i in range(len(val))]
  )
  distances = network.outputs(prepared, with_maps=False).distances
  for patient in np.unique(val.patient_id):
    medians.append(np.median(distances[val.patient_id == patient]))
  middle, caution, refused = network.detector.scans
  assert caution == pytest.approx(max(medians), rel=1e-3)
  assert middle == pytest.approx(sorted(medians)[2], rel=1e-3)
  assert refused == pytest.approx(2 * caution - middle)


def test_the_patients_of_val_are_scored_as_scans_are(finished_run, config):
  network = network_lib.Network.load(finished_run[0])
  val = input_pipeline.load_split(config.data, 'val')
  prepared = np.stack(
    [network.prepare(val.image(i))[0] for i in range(len(val))]
  )
  each = network.outputs(prepared, with_maps=False).probabilities
  expected = []
  for patient in np.unique(val.patient_id):
    rows = val.patient_id == patient
    expected.append([val.label[rows][0], *each[rows].mean(axis=0), rows.sum()])
  label, probabilities, slices = network.patients
  found = np.column_stack([label, probabilities, slices])
  order = np.lexsort(np.transpose(expected)[[1, 2, 3, 0]])
  np.testing.assert_allclose(found, np.array(expected)[order], rtol=1e-4)


def test_without_patients_of_val_a_run_says_that_it_has_no_limits(
  config, tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(fit_detector, 'FEWEST_PATIENTS', 7)
  config.report = False
  train.train_and_evaluate(config, tmp_path)
  assert not (tmp_path / 'out_of_distribution.npz').exists()
  assert (
    'No limits for scans unlike the training: val has 6 patients, fewer than 7.'
  ) in capsys.readouterr().out


def test_finished_run_started_again_gives_the_same(config, copied_run):
  workdir, first = copied_run
  log = (workdir / 'metrics.jsonl').read_bytes()
  assert train.train_and_evaluate(config, workdir).metrics == first
  assert (workdir / 'metrics.jsonl').read_bytes() == log


def test_run_goes_on_before_a_damaged_checkpoint_to_the_same_end(
  config, copied_run, finished_run, capsys
):
  workdir, whole = copied_run[0], finished_run[0]
  damaged = workdir / 'checkpoints' / '8' / 'default' / '_METADATA'
  damaged.write_bytes(damaged.read_bytes()[:-1])
  assert train.train_and_evaluate(config, workdir).metrics == finished_run[1]
  printed = capsys.readouterr().out
  assert printed.count('Checkpoint 8 is damaged') == 1
  assert 'Going on from step 4 ' in printed
  for name in ('metrics.jsonl', 'predictions/test.csv', 'model.npz'):
    assert (workdir / name).read_bytes() == (whole / name).read_bytes(), name


def test_training_stops_in_the_step_after_a_save_that_failed(
  config, tmp_path, monkeypatch, largest_file, finished_run
):
  del finished_run  # It has prepared the data.
  original = steps.checkpoints.Checkpoints.save

  def save(self, *arguments):
    original(self, *arguments)
    while self._manager.is_saving_in_progress():
      time.sleep(0.001)

  monkeypatch.setattr(steps.checkpoints.Checkpoints, 'save', save)
  config.log_every = 1
  with pytest.raises(OSError, match='large') as caught, largest_file(20_000):
    _train_only(config, tmp_path / 'run')
  assert caught.value.filename == str(tmp_path / 'run' / 'checkpoints')
  assert list(_losses(tmp_path / 'run')) == [1, 2, 3, 4]
  assert not list((tmp_path / 'run' / 'checkpoints').iterdir())


def test_estimate_of_the_room_of_a_run(config, copied_run):
  workdir, _ = copied_run
  examples = {x: input_pipeline.load_split(config.data, x) for x in SPLITS}
  sizes = {x: x.stat().st_size for x in workdir.rglob('*') if x.is_file()}
  # While a checkpoint is written there are three.
  third = sum(n for x, n in sizes.items() if 'checkpoints' in x.parts) / 2
  assert sum(sizes.values()) + third < disk_space.estimate(config, examples)
  config.model.name = 'R50x1'
  count = disk_space.estimate(config, {})
  # A state of R50x1 is 188 MB, as docs/reliability.md says.
  # The covariance of its 2,048 features comes to it.
  covariance = 4 * 2048**2
  assert count == pytest.approx(3 * 188e6 + 94e6 + covariance + 10e6, rel=0.01)
  config.final_splits = ('val',)
  rows = len(examples['val'])
  more = disk_space.estimate(config, examples) - count
  # Features, and of two classes more the head in three states and the model,
  # and the mean features.
  means = 2 * 2048 * 4
  assert more == pytest.approx(rows * 8192 + 7 * 2 * 2049 * 4 + means, rel=0.07)


def test_a_run_without_room_is_refused_before_the_data_are_loaded(
  config, tmp_path, monkeypatch
):
  monkeypatch.setattr(disk, 'free_bytes', lambda path: 10 * 2**20)
  monkeypatch.setattr(train.splits_lib, 'load', None)
  workdir = tmp_path / 'run'
  with pytest.raises(OSError, match='No space') as caught:
    train.train_and_evaluate(config, workdir)
  text = disk.problem(caught.value)
  assert text.startswith(f'{workdir} has no room on its disk; ')
  needed = int(text.split('; ')[1].split()[0].replace(',', ''))
  # The lock of the folder is there already.
  assert 0 < disk_space.estimate(config, {}) - needed < 200
  assert '; 10,485,760 bytes are free. Make room' in text
  assert not workdir.exists()


def test_a_run_without_room_for_its_features_is_refused_before_the_weights(
  config, tmp_path, monkeypatch
):
  free = disk_space.estimate(config, {}) + 1
  monkeypatch.setattr(disk, 'free_bytes', lambda path: free)
  monkeypatch.setattr(train, 'initial_params', None)
  with pytest.raises(OSError, match='No space') as caught:
    train.train_and_evaluate(config, tmp_path / 'run')
  assert f'{free:,} bytes are free.' in disk.problem(caught.value)


def test_what_a_run_has_written_counts_as_room(config, copied_run, monkeypatch):
  workdir, metrics = copied_run
  # Enough for the report, which these runs do not write.
  monkeypatch.setattr(disk, 'free_bytes', lambda path: 11 * 2**20)
  (workdir / 'checkpoints' / 'large').write_bytes(bytes(2**20))
  assert train.train_and_evaluate(config, workdir).metrics == metrics


def test_seed_decides(config, tmp_path, finished_run):
  def losses(name, seed):
    config.seed = seed
    _train_only(config, tmp_path / name)
    return _losses(tmp_path / name)

  first = _losses(finished_run[0])
  assert losses('b', 0) == first
  assert losses('c', 1) != first


def test_checkpoint_as_initial_weights(config, tmp_path, random_params):
  params = random_params('tiny', num_classes=10)
  path = tmp_path / 'BiT-tiny.npz'
  bit_npz.save(
    path,
    params,
    model_name='tiny',
    metadata=metadata.Metadata(tuple('abcdefghij')),
  )
  config.init = str(path)
  network = resnet_v2.create('tiny', num_classes=3)
  initial = train.initial_params(config, network)
  np.testing.assert_array_equal(
    initial['root']['kernel'], params['root']['kernel']
  )
  np.testing.assert_array_equal(initial['head']['kernel'], np.zeros((64, 3)))
  config.log_every = 1
  _train_only(config, tmp_path / 'run')
  assert _losses(tmp_path / 'run')[1] == pytest.approx(np.log(3), rel=1e-6)


def test_loss_that_is_not_finite_stops_the_run(config, tmp_path, monkeypatch):
  streams = []
  original = input_pipeline.as_numpy

  def as_numpy(dataset):
    streams.append(original(dataset))
    return streams[-1]

  monkeypatch.setattr(input_pipeline, 'as_numpy', as_numpy)
  # The check of a config refuses such a rate, with which no step is finite.
  monkeypatch.setattr(check_config, 'check', lambda config: None)
  config.learning_rate = float('inf')
  message = 'The loss is nan in step 2, at a learning rate of inf; .* No check'
  with pytest.raises(FloatingPointError, match=message):
    train.train_and_evaluate(config, tmp_path)
  # Closed, though the error refers to them: nothing is loaded any more.
  assert {stream.gi_frame for stream in streams} == {None}
  assert not (tmp_path / 'model.npz').exists()
  for row in metric_log.read(tmp_path / 'metrics.jsonl'):
    assert np.isfinite(list(row.values())).all()


def test_few_slices_of_each_class(config, tmp_path, monkeypatch):
  seen = []
  original = input_pipeline.train_batches

  def train_batches(*args, **kwargs):
    dataset = original(*args, **kwargs)
    seen.extend(batch['index'] for batch in input_pipeline.as_numpy(dataset))
    return dataset

  monkeypatch.setattr(input_pipeline, 'train_batches', train_batches)
  config.data.per_class = 2
  _train_only(config, tmp_path)
  assert len(np.unique(np.concatenate(seen))) == 6


def test_hyper_rule_decides_whether_a_batch_may_be_odd(
  config, tmp_path, monkeypatch
):
  counts = []
  monkeypatch.setattr(
    schedule,
    'hyper_rule',
    lambda count: counts.append(count) or ((1, 2), 0.0),
  )
  config.schedule = ()
  config.batch = 6  # Three slices a device, which mixup cannot pair.
  _train_only(config, tmp_path / 'small')
  assert counts == [NUM_TRAIN]
  facts = json.loads((tmp_path / 'small' / 'config.json').read_text())
  assert (facts['schedule'], facts['mixup_alpha']) == ([1, 2], 0)
  same_run.check_same_config(config, tmp_path / 'small')
  # Of a large data set mixup is a part of the rule.
  monkeypatch.setattr(schedule, 'hyper_rule', lambda count: ((1, 2), 0.1))
  with pytest.raises(ValueError, match=r'config.batch=6 is 3 slices a device'):
    train.train_and_evaluate(config, tmp_path / 'large')
  assert not (tmp_path / 'large').exists()


@pytest.mark.parametrize(
  ('field', 'value', 'message'),
  [
    ('batch', 7, r'config.batch=7 does not divide by 2 devices'),
    ('accumulation', 3, r'config.batch=8 .* times 3 parts'),
    ('eval_batch', 3, r'config.eval_batch=3 does not divide'),
    ('batch', 6, r'config.batch=6 is 3 slices a device'),
    ('schedule', (5, 2), r'schedule is \(5, 2\)'),
    ('init', 'BiT-XL', r"'BiT-XL' is no public name"),
    ('init', 'none/model.npz', r'no checkpoint .*none/model.npz'),
    ('final_splits', ('holdout',), r"no split 'holdout'.*train, val, test"),
    ('log_every', 0, r'config.log_every is 0; expected a whole number from 1'),
    ('checkpoint_every', 0, r'config.checkpoint_every is 0'),
    ('eval_every', -1, r'config.eval_every is -1'),
    ('mixup_alpha', -0.1, r'config.mixup_alpha is -0.1'),
    ('model.name', 'R18', r"'R18'; expected one of .*R50x1"),
    ('model.dtype', 'int8', r"'int8'; expected one of float32, bfloat16"),
    ('data.box', 'auto', r"'auto'; expected one of annotated, automatic"),
    ('data.resize', 31, r'config.data.resize=31 is smaller'),
    ('data.per_class', 13, r'per_class=13, but .* 12'),
  ],
)
def test_bad_configs_are_refused_before_anything_is_written(
  config, tmp_path, field, value, message
):
  config.update_from_flattened_dict({field: value})
  workdir = tmp_path / 'run'
  with pytest.raises((ValueError, FileNotFoundError), match=message):
    train.train_and_evaluate(config, workdir)
  assert not workdir.exists()


def test_folder_of_another_run_is_refused(config, copied_run):
  workdir, _ = copied_run
  config.learning_rate = 0.01
  config.data.crop = 28
  with pytest.raises(ValueError, match='another config') as error:
    train.train_and_evaluate(config, workdir)
  assert 'learning_rate is 0.003 there, 0.01 here' in str(error.value)
  assert 'data.crop is 32 there, 28 here' in str(error.value)


def test_every_field_of_the_config_is_read(config, tmp_path, monkeypatch):
  read = set()

  def record(method):
    original = getattr(ml_collections.FrozenConfigDict, method)

    def reader(self, name, *default):
      # Told apart by their neighbours: `name` is a field of two parts.
      read.add((frozenset(self), name))
      return original(self, name, *default)

    monkeypatch.setattr(ml_collections.FrozenConfigDict, method, reader)

  for method in ('__getattr__', '__getitem__', 'get'):
    record(method)
  config.init = 'random'
  train.train_and_evaluate(config, tmp_path)
  # What only the other kind of data set reads.
  config.data.name, config.data.path = 'image_folder', str(tmp_path / 'none')
  with pytest.raises(FileNotFoundError):
    train.train_and_evaluate(config, tmp_path / 'other')
  whole = common.get_config()
  fields = {
    (frozenset(part), name)
    for part in (whole, whole.data, whole.model)
    for name in part
  }
  assert {name for _, name in fields - read} == set()


def test_fields_of_model_and_optimizer_have_their_effect(
  config, tmp_path, monkeypatch
):
  created = []
  original = resnet_v2.create

  def create(name, **kwargs):
    created.append(kwargs)
    return original(name, **kwargs)

  monkeypatch.setattr(resnet_v2, 'create', create)
  config.log_every = 1
  losses = {}
  for name, fields in {
    'plain': {},
    'momentum': {'momentum': 0.0},
    'model': {'model.dtype': 'bfloat16', 'model.remat': True},
  }.items():
    changed = config.copy_and_resolve_references()
    changed.update_from_flattened_dict(fields)
    _train_only(changed, tmp_path / name)
    losses[name] = _losses(tmp_path / name)
  assert any(kwargs.get('remat') for kwargs in created)
  assert losses['momentum'][8] != losses['plain'][8]
  assert losses['model'][8] != losses['plain'][8]
  assert losses['model'][8] == pytest.approx(losses['plain'][8], rel=0.05)


def test_resumption_with_another_evaluation_batch(config, copied_run):
  workdir, first = copied_run
  config.eval_batch = 4
  assert train.train_and_evaluate(config, workdir).metrics == first


@pytest.mark.parametrize(
  ('eval_every', 'bad_step', 'message', 'saved'),
  [
    (0, 4, 'Parameters are NaN or infinite after step 4, .* No checkpoint', []),
    (4, 4, 'The loss of val is nan after step 4, .* No checkpoint', []),
    (0, 6, 'The loss is nan in step 7, .* The checkpoint of step 4 was', [4]),
  ],
)
def test_parameters_that_are_not_finite_are_not_saved(
  config, tmp_path, monkeypatch, capsys, eval_every, bad_step, message, saved
):
  config.eval_every = eval_every

  # The loss is of the parameters before an update: it is finite here still.
  def diverge(state):
    if int(state.step) != bad_step:
      return state
    norm = state.params['norm']
    params = {**state.params, 'norm': {**norm, 'bias': norm['bias'] / 0}}
    return state.replace(params=params)

  changed_updates.after_each(monkeypatch, diverge)
  with pytest.raises(FloatingPointError, match=message):
    train.train_and_evaluate(config, tmp_path)
  found = (tmp_path / 'checkpoints').glob('[0-9]*')
  assert [int(path.name) for path in found] == saved
  *_, line = capsys.readouterr().out.splitlines()
  assert line.startswith('Slices of step ')
  assert line.count('phantom-train-') == config.batch


def test_a_run_that_learned_nothing_says_so(config, tmp_path, capsys):
  config.learning_rate = 3.0
  _train_only(config, tmp_path)
  loss = _losses(tmp_path)[8]
  assert loss > np.log(3)
  assert (
    f'Nothing was learned: the last training loss, {loss:.4g}, is not below '
    'that of guessing, 1.099.'
  ) in capsys.readouterr().out


def test_learns_to_tell_bright_from_dark(config, tmp_path):
  # What can be learned in seconds, through the door for the user's own images.
  from PIL import Image

  generator = np.random.default_rng(0)
  for split, count in (('train', 16), ('val', 4), ('test', 8)):
    for name, level in (('dark', 60), ('bright', 190)):
      folder = pathlib.Path(tmp_path, 'data', split, name)
      folder.mkdir(parents=True)
      for i in range(count):
        image = generator.normal(level, 20, (40, 40)).clip(0, 255)
        Image.fromarray(image.astype(np.uint8)).save(folder / f'{i}.png')
  config.data.name = 'image_folder'
  config.data.path = str(tmp_path / 'data')
  config.data.box = 'none'
  config.schedule = (5, 30, 35, 38, 40)
  config.learning_rate = 0.03
  config.eval_every = 0
  config.final_splits = ('test',)
  results = train.train_and_evaluate(config, tmp_path / 'run').metrics
  assert results['test']['class_names'] == ['bright', 'dark']
  assert results['test']['accuracy'] == 1
