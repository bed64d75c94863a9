# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""A finished run evaluated again, on its own data and on others."""

import json
import os
import shutil

from etils import epath
import numpy as np
from PIL import Image
import pytest

import bit_covid
from bit_covid.analysis import metrics
from bit_covid.analysis import predictions
from bit_covid.base import checksums
from bit_covid.cli import evaluate
from bit_covid.inference import detector
from bit_covid.training import ledger
from bit_covid.training import slice_record
from configs import demo
import input_pipeline
from input_pipeline import preprocess


@pytest.fixture(autouse=True)
def without_cache(monkeypatch):
  """The tests have a cache of their own."""
  monkeypatch.setattr('bit_covid.base.compilation_cache.enable', lambda: None)


@pytest.fixture(scope='module')
def run(tmp_path_factory, tfds_dir, save_checkpoint):
  """A work directory, as far as an evaluation needs it, of a random network."""
  folder = tmp_path_factory.mktemp('run')
  save_checkpoint(folder, window=None, facts={'data': 'phantom/tiny'})
  facts = {
    'data': {'name': 'phantom/tiny', 'box': 'annotated', 'crop': 32},
    'model': {'dtype': 'float32'},
    'fingerprints': {'test': _load_test(tfds_dir).fingerprint},
  }
  (folder / 'config.json').write_text(json.dumps(facts))
  return folder


def _load_test(tfds_dir):
  config = demo.get_config()
  config.data.name, config.data.data_dir = 'phantom/tiny', tfds_dir
  return input_pipeline.load_split(config.data, 'test')


def _main(*arguments):
  return evaluate.main([*map(str, arguments)])


def test_own_data_give_what_the_classifier_gives(run, tfds_dir, capsys):
  examples = _load_test(tfds_dir)
  prepared = [
    preprocess.prepare(examples.image(i), examples.box[i], 32, antialias=False)
    for i in range(len(examples))
  ]
  expected = bit_covid.load(run).probabilities(np.stack(prepared))
  # Of which the last batch is partial.
  assert _main(run, f'--data_dir={tfds_dir}', '--batch=10') == 0
  after = predictions.read(run / 'predictions' / 'test.csv')
  assert after['slice_id'].tolist() == examples.slice_id.tolist()
  np.testing.assert_allclose(
    predictions.probabilities(after), expected, atol=1e-4
  )
  accuracy = metrics.measure(after)['accuracy']
  numbers = json.loads((run / 'report' / 'metrics.json').read_text())['test']
  assert numbers['slice']['measures']['accuracy']['value'] == accuracy
  printed = capsys.readouterr().out
  assert f'{100 * accuracy:.2f}' in printed
  assert '95 % interval' in printed
  assert '\x1b' not in printed


def test_ensemble_is_the_mean_of_its_networks(
  run, tmp_path, tfds_dir, save_checkpoint, random_params
):
  others = []
  for seed in (4, 5):
    others.append(tmp_path / f'seed{seed}')
    others[-1].mkdir()
    save_checkpoint(
      others[-1],
      random_params('tiny', seed=seed),
      window=None,
      facts={'data': 'phantom/tiny'},
      temperature=0.2 * seed,
    )
  examples = _load_test(tfds_dir)
  prepared = np.stack(
    [
      preprocess.prepare(
        examples.image(i), examples.box[i], 32, antialias=False
      )
      for i in range(len(examples))
    ]
  )
  expected = np.mean(
    [
      bit_covid.load(x).probabilities(view)
      for x in (run, *others)
      for view in (prepared, prepared[:, :, ::-1])
    ],
    axis=0,
  )
  output = tmp_path / 'ensemble'
  names = ','.join(map(str, (run, *others)))
  options = [f'--data_dir={tfds_dir}', '--batch=10', f'--output={output}']
  assert _main(names, '--flips', *options) == 0
  table = predictions.read(output / 'predictions' / 'test.csv')
  np.testing.assert_allclose(
    predictions.probabilities(table), expected, atol=1e-4
  )
  facts = json.loads((output / 'config.json').read_text())
  assert facts['model']['name'] == '3 x tiny, also mirrored'
  # The test of a network is in the ledger of its run, if it has one.
  of_run = checksums.of_file(epath.Path(run) / 'model.npz')
  assert ledger.read(epath.Path(run))[-1]['checkpoint'] == of_run
  of_others = [checksums.of_file(epath.Path(x) / 'model.npz') for x in others]
  rows = ledger.read(epath.Path(output))
  assert [x['checkpoint'] for x in rows] == of_others


def test_ensemble_does_not_replace_the_results_of_a_run(run, capsys):
  assert _main(run, '--flips') == 2
  assert 'give --output=FOLDER' in capsys.readouterr().err
  assert _main(f'{run},{run}') == 2
  assert '--output=FOLDER' in capsys.readouterr().err


def test_ensemble_is_not_tested_on_its_training(
  run, tmp_path, tfds_dir, save_checkpoint, capsys
):
  examples = _load_test(tfds_dir)
  other = tmp_path / 'fold_2'
  other.mkdir()
  save_checkpoint(other, window=None, facts={'data': 'phantom/tiny'})
  # One of three slices of a patient.
  slice_record.write(epath.Path(other), 'train', examples.take(np.arange(1)))
  options = [f'--data_dir={tfds_dir}', f'--output={tmp_path / "out"}']
  assert _main(f'{run},{other}', *options) == 2
  printed = capsys.readouterr()
  count = (examples.patient_id == examples.patient_id[0]).sum()
  assert count == 3
  assert 'trained on 1 patients of test, who have 3 of its 27' in printed.err
  assert not (tmp_path / 'out' / 'predictions').exists()


def test_patients_unlike_the_training_are_counted(
  run, tmp_path, tfds_dir, capsys
):
  copied = shutil.copytree(run, tmp_path / 'run')
  own = (copied, f'--data_dir={tfds_dir}')
  assert _main(*own) == 0
  assert (
    'test, unlike the training: not checked, as there is no out_of_dist'
    in (capsys.readouterr().out)
  )
  checkpoint = copied / 'model.npz'
  width = len(bit_covid.load(checkpoint).params['head']['kernel'])
  with np.load(copied / 'predictions' / 'test_features.npz') as arrays:
    # Of nine patients with three slices each.
    largest = np.linalg.norm(arrays['features'], axis=1).reshape(9, 3)
  medians = np.sort(np.median(largest, axis=1))
  limits = detector.Limits(
    0.0, float(medians[4:6].mean()), float(medians[7:].mean())
  )
  for box, expected in (
    ('annotated', 'caution for 3 and refusal of 1 of 9 patients.'),
    (
      'automatic',
      'not checked, as the limits are for boxes that are automatic',
    ),
  ):
    facts = {
      'checkpoint': checksums.of_file(epath.Path(checkpoint)),
      'box': box,
    }
    detector.write(
      epath.Path(copied),
      detector.Detector(
        np.zeros((1, width)), np.eye(width), limits, limits, facts
      ),
    )
    assert _main(*own) == 0
    assert f'test, unlike the training: {expected}' in capsys.readouterr().out
  lines = ['path,label,split']
  for i, label in enumerate(['Normal', 'CP', 'NCP']):
    pixels = np.random.default_rng(i).integers(0, 256, [40, 40], np.uint8)
    Image.fromarray(pixels).save(tmp_path / f'{i}.png')
    lines.append(f'{i}.png,{label},test')
  unnamed = tmp_path / 'images.csv'
  unnamed.write_text('\n'.join(lines))
  elsewhere = (f'--data={unnamed}', f'--output={tmp_path / "elsewhere"}')
  assert _main(checkpoint, *elsewhere, '--box=automatic') == 0
  assert ' of 3 slices.' in capsys.readouterr().out


@pytest.fixture
def predicted(run, tmp_path):
  """A copy of the run with predictions, and the bytes of its files."""
  folder = shutil.copytree(run, tmp_path / 'run')
  (folder / 'predictions').mkdir(exist_ok=True)
  (folder / 'predictions' / 'test.csv').write_text('of the run')
  files = [x for x in folder.rglob('*') if x.is_file()]
  return folder, {x: x.read_bytes() for x in files}


def test_predictions_of_another_box_do_not_replace_those_of_the_run(
  predicted, tfds_dir, capsys
):
  run, before = predicted
  arguments = [run, f'--data_dir={tfds_dir}', '--box=automatic']
  assert _main(*arguments) == 2
  error = capsys.readouterr().err
  assert 'data.box is annotated there, automatic here; give --output' in error
  assert error.count('\n') == 1
  assert before == {x: x.read_bytes() for x in before}


def test_predictions_in_float32_do_not_replace_those_in_bfloat16(
  predicted, tfds_dir, capsys
):
  run, before = predicted
  path = run / 'config.json'
  path.write_text(path.read_text().replace('float32', 'bfloat16'))
  before[path] = path.read_bytes()
  assert _main(run, f'--data_dir={tfds_dir}') == 2
  error = capsys.readouterr().err
  assert 'model.dtype is bfloat16 there, float32 here; give --output' in error
  assert before == {x: x.read_bytes() for x in before}


def test_a_run_whose_ledger_cannot_be_written_is_refused_before_any_work(
  run, tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(os, 'access', lambda path, mode: path != run)
  output = tmp_path / 'output'
  assert _main(run, f'--output={output}') == 2
  assert f'you may not write to {run}' in capsys.readouterr().err
  assert not (output / 'config.json').exists()


def test_an_image_that_breaks_meanwhile_leaves_no_split_without_results(
  run, tmp_path, monkeypatch, capsys
):
  for i, label in enumerate(['Normal', 'CP', 'NCP'] * 2):
    pixels = np.random.default_rng(i).integers(0, 256, [40, 40], np.uint8)
    path = tmp_path / 'data' / 'test' / label / f'{i}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
  output = tmp_path / 'out'
  arguments = [
    run / 'model.npz',
    '--dataset=image_folder',
    f'--data={tmp_path / "data"}',
    '--box=automatic',
    f'--output={output}',
  ]
  original = input_pipeline.evaluation_batches

  def evaluation_batches(*args, **kwargs):
    path.write_bytes(whole[:50])
    return original(*args, **kwargs)

  whole = path.read_bytes()
  with monkeypatch.context() as patch:
    patch.setattr(input_pipeline, 'evaluation_batches', evaluation_batches)
    assert _main(*arguments) == 1
  error = capsys.readouterr().err
  assert str(path) in error
  assert error.count('\n') == 1
  assert json.loads((output / 'config.json').read_text())['fingerprints'] == {}
  path.write_bytes(whole)
  assert _main(*arguments) == 0
  facts = json.loads((output / 'config.json').read_text())
  assert set(facts['fingerprints']) == {'test'}


def test_other_splits_are_not_mixed_in_and_get_their_own_folder(
  run, tfds_dir, tmp_path, capsys
):
  arguments = [run, '--split=val', f'--data_dir={tfds_dir}']
  assert _main(*arguments) == 2
  error = capsys.readouterr().err
  assert '--output' in error
  assert error.count('\n') == 1
  output = tmp_path / 'val'
  assert _main(*arguments, f'--output={output}') == 0
  config = json.loads((output / 'config.json').read_text())
  assert config['data']['name'] == 'phantom/tiny'
  assert set(config['fingerprints']) == {'val'}
  assert (output / 'predictions' / 'val_features.npz').exists()
  # The folder knows what it is of.
  other = [run, '--split=val', '--box=none', f'--data_dir={tfds_dir}']
  assert _main(*other, f'--output={output}') == 2
  assert 'another run' in capsys.readouterr().err


def test_images_of_ones_own(run, tmp_path, capsys):
  lines = ['path,label,split,patient']
  for i, label in enumerate(['Normal', 'CP', 'NCP'] * 2):
    pixels = np.random.default_rng(i).integers(0, 256, [40, 40], np.uint8)
    Image.fromarray(pixels).save(tmp_path / f'{i}.png')
    lines.append(f'{i}.png,{label},external,p{i}')
  path = tmp_path / 'images.csv'
  path.write_text('\n'.join(lines))
  arguments = [
    run / 'model.npz',
    '--dataset=image_folder',
    f'--data={path}',
    '--split=external',
    f'--output={tmp_path / "out"}',
    '--batch=2',
  ]
  assert _main(*arguments) == 2
  assert "--box is 'annotated'" in capsys.readouterr().err
  assert _main(*arguments, '--box=automatic') == 0
  assert '6 slices of 6 patients' in capsys.readouterr().out
  path.write_text('\n'.join(lines).replace(',CP,', ',Other,'))
  assert _main(*arguments, '--box=automatic') == 2
  assert 'the network tells Normal, CP, NCP' in capsys.readouterr().err


def test_a_test_set_with_some_of_the_classes(run, tmp_path):
  lines = ['path,label,split,patient']
  for i, label in enumerate(['NCP', 'Normal'] * 3):
    pixels = np.random.default_rng(i).integers(0, 256, [40, 40], np.uint8)
    Image.fromarray(pixels).save(tmp_path / f'{i}.png')
    lines.append(f'{i}.png,{label},test,p{i}')
  path = tmp_path / 'images.csv'
  path.write_text('\n'.join(lines))
  output = tmp_path / 'out'
  data = ['--dataset=image_folder', f'--data={path}', '--box=automatic']
  assert _main(run / 'model.npz', *data, f'--output={output}') == 0
  table = predictions.read(output / 'predictions' / 'test.csv')
  # Of Normal, CP and NCP.
  assert table['label'].tolist() == [2, 0] * 3
  assert metrics.confusion_matrix(table).sum(axis=1).tolist() == [3, 0, 3]


def test_other_data_with_other_classes(run, tmp_path, capsys):
  data = tmp_path / 'data'
  pixels = np.random.default_rng(0).integers(0, 256, [6, 40, 40], np.uint8)
  for i, label in enumerate(['COVID', 'non-COVID', 'Flu'] * 2):
    path = data / label / f'{i}.png'
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[i]).save(path)
  arguments = [run, f'--data={data}', '--box=none']
  output = f'--output={tmp_path / "out"}'
  assert _main(*arguments, output) == 2
  assert '--map=Flu:CLASS' in capsys.readouterr().err
  assert _main(*arguments, output, '--map=Flu:', '--map=Cold:CP') == 2
  assert '--map names Cold' in capsys.readouterr().err
  assert not (tmp_path / 'out' / 'config.json').exists()
  assert _main(*arguments, output, '--map=Flu:') == 0
  assert 'COVID is NCP, Flu is left out.' in capsys.readouterr().out
  table = predictions.read(tmp_path / 'out' / 'predictions' / 'test.csv')
  assert predictions.class_names(table) == ('Normal or CP', 'NCP')
  assert table['label'].tolist() == [1, 1, 0, 0]
  prepared = [
    preprocess.prepare(pixels[i], None, 32, antialias=False)
    for i in (0, 3, 1, 4)
  ]
  each = bit_covid.load(run).probabilities(np.stack(prepared))
  np.testing.assert_allclose(table['p_NCP'], each[:, 2], atol=1e-4)
  # The folder knows which classes its results are of.
  assert _main(*arguments, output, '--map=Flu:CP') == 2
  assert 'classes is' in capsys.readouterr().err


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['--batch=3'], '--batch=3 does not divide by 2 devices'),
    (['--split=dev'], "has no split 'dev'"),
    (['--dataset=image_folder', '--split=val, test'], '--data is empty; name'),
    (['--dataset=covidx'], "no dataset 'covidx'"),
  ],
)
def test_wrong_arguments_get_one_line(
  run, tfds_dir, tmp_path, capsys, arguments, message
):
  place = [f'--data_dir={tfds_dir}', f'--output={tmp_path / "x"}']
  assert _main(run, *place, *arguments) == 2
  error = capsys.readouterr().err
  assert message in error
  assert error.count('\n') == 1


def test_a_file_alone_has_no_place_for_results(run, capsys):
  assert _main(run / 'model.npz') == 2
  assert 'give --output' in capsys.readouterr().err
