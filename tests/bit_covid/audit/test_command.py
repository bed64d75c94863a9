# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The audit as a person runs it."""

import json

import numpy as np
from PIL import Image
import pytest

from bit_covid.audit import all_checks
from bit_covid.audit import audit_dataset
from bit_covid.audit import command
from bit_covid.audit import images
from bit_covid.audit import slices
from bit_covid.audit.model import external_data
from bit_covid.cli import evaluate
from tests import browser


@pytest.fixture
def data(tmp_path):
  """A CSV of 36 images; a patient and an image are in both splits."""
  lines = ['path,label,split,patient,source']
  generator = np.random.default_rng(0)
  for split in ('train', 'test'):
    for label in ('Normal', 'NCP'):
      for i in range(9):
        name = f'{split}_{label}_{i}.png'
        pixels = generator.integers(0, 256, [40, 48], np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
        patient = 'twice' if (label, i) == ('NCP', 0) else name
        lines.append(f'{name},{label},{split},{patient},<b>{label}</b>')
  picture = Image.open(tmp_path / 'train_NCP_7.png')
  picture.transpose(Image.Transpose.ROTATE_90).save(
    tmp_path / 'test_NCP_2.png', optimize=True
  )
  copy = (tmp_path / 'train_Normal_3.png').read_bytes()
  (tmp_path / 'test_Normal_5.png').write_bytes(copy)
  path = tmp_path / 'images.csv'
  path.write_text('\n'.join(lines))
  return path


def test_leaks_in_a_csv_fail_and_are_written_down(data, tmp_path, capsys):
  output = tmp_path / 'audit'
  assert command.main([str(data), f'--output={output}']) == 1
  printed = capsys.readouterr().out
  assert 'FAILED' in printed
  assert '\x1b' not in printed
  content = json.loads((output / 'audit.json').read_text())
  found = {x['check']: x for x in content['findings']}
  assert found['Patients in several splits']['ids'] == ['twice']
  assert set(found['Equal images']['ids']) == {
    'train_Normal_3.png',
    'test_Normal_5.png',
  }
  assert set(found['Images that look the same']['ids']) == {
    'train_NCP_7.png',
    'test_NCP_2.png',
  }
  assert found['Class and source']['severity'] == 'WARNING'
  assert found['Image sizes']['text'].startswith('2 sizes among 36 images')
  page = (output / 'audit.html').read_text()
  assert '2 failed' in page
  assert '&lt;b&gt;NCP&lt;/b&gt;' in page
  assert '<b>' not in page
  assert 'http' not in page.replace('http-equiv', '')


def test_the_demo_is_clean(tfds_dir, capsys):
  arguments = [f'--data_dir={tfds_dir}']
  assert command.main(['phantom/tiny', *arguments]) == 0
  printed = capsys.readouterr().out
  assert 'FAILED' not in printed
  assert 'look the same' in printed
  assert 'Not seen' not in printed
  assert 'phantom/tiny' in printed


def test_external_data_stand_beside_the_run_and_in_its_ledger(
  data, tmp_path, small_network, random_params, save_checkpoint, monkeypatch
):
  monkeypatch.setattr('bit_covid.base.compilation_cache.enable', lambda: None)
  run, other = tmp_path / 'run', tmp_path / 'other'
  run.mkdir()
  params = random_params('tiny', num_classes=2)
  save_checkpoint(run, params, box='none', class_names=('NCP', 'Normal'))
  (other / 'COVID').mkdir(parents=True)
  (other / 'healthy').mkdir()
  for i in range(8):
    for label, name in (('NCP', 'COVID'), ('Normal', 'healthy')):
      image = Image.open(tmp_path / f'train_{label}_{i}.png')
      image.rotate(2).save(other / name / f'{i}.png')
  evaluation = [str(run), f'--data={data}', '--dataset=image_folder']
  data.write_text(data.read_text().replace('twice', ''))
  assert evaluate.main([*evaluation, f'--output={run}', '--batch=8']) == 0
  arguments = [str(data), f'--run={run}', f'--external={other}']
  # Other checks have tests of their own.
  checks = {external_data.NAME: external_data.check}
  monkeypatch.setattr('bit_covid.audit.model.CHECKS', checks)
  monkeypatch.setattr(all_checks, 'find', lambda *_, **options: [])
  assert command.main(arguments) == 0
  content = json.loads((run / 'audit' / 'audit.json').read_text())
  (found,) = content['findings']
  assert [x['Data'] for x in found['table']] == ['test of the run', 'other']
  assert found['table'][1]['Slices'] == 16
  assert 'healthy is Normal' in found['text']
  assert found['table'][1]['Accuracy'] in (run / 'audit/audit.html').read_text()
  lines = (run / 'test_ledger.jsonl').read_text().splitlines()
  rows = [json.loads(line) for line in lines]
  assert [row['split'] for row in rows] == ['test', 'external']
  assert rows[0]['checkpoint'] == rows[1]['checkpoint']


def test_a_config_file_names_its_data(monkeypatch):
  arguments = command._parser().parse_args(
    ['configs/demo.py:steps=5k', '--data_dir=somewhere']
  )
  config = audit_dataset._config(arguments)
  assert config.name == 'phantom/demo'
  assert config.data_dir == 'somewhere'


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['no/such'], "no dataset 'no/such'"),
    (['phantom/demo', '--lists_only'], '--lists_only goes with covidx_ct/2a'),
    (['phantom/demo', '--random_labels'], '--random_labels goes with --run'),
    (['phantom/demo', '--external=other'], '--external goes with --run'),
    (['phantom/demo', '--map=a:b'], '--map goes with --run'),
    (['phantom/demo', '--map=a:b', '--run=.'], '--map goes with --external'),
    (['phantom/demo', '--max_images=-1'], 'or 0 for all'),
    (['covidx_ct/1', '--data=/nowhere'], '/nowhere does not exist. Give the'),
    (['none.py:steps=5k'], 'none.py does not exist. Give a CSV, a folder or'),
  ],
)
def test_wrong_arguments_get_one_line(arguments, message, capsys):
  assert command.main(arguments) == 2
  error = capsys.readouterr().err
  assert error.startswith('Error: ')
  assert message in error
  assert error.count('\n') == 1


def test_brightness_is_that_of_the_box_without_lungs_and_around_it(make_table):
  image = np.full([20, 30], 10, np.uint8)
  image[5:15, 10:20] = 200
  lungs = np.zeros(image.shape, bool)
  lungs[6:14, 12:18] = True
  image[lungs] = 90
  table = make_table(patients=1).assign(xmin=0, ymin=0, xmax=0, ymax=0)
  measured, thumbnails = images.measure(
    slices.Slices(table, lambda _: image),
    count=7,
    seed=0,
    body_box=lambda _: np.array([10, 5, 20, 15]),
    lungs=lambda _: lungs,
  )
  assert len(measured) == len(thumbnails) == 7
  assert (
    measured[['height', 'width', 'inside', 'outside']].to_numpy().tolist()
    == [[20, 30, 200, 10]] * 7
  )
  assert measured['xmax'].tolist() == [20] * 7


def test_official_lists_and_real_slices(real_data, tmp_path, capsys):
  folder = real_data / 'splits'
  output = tmp_path / 'audit'
  arguments = ['--lists_only', f'--data={folder}', f'--output={output}']
  assert command.main(['covidx_ct/2a', *arguments]) == 0
  content = json.loads((output / 'audit.json').read_text())
  assert (content['slices'], content['patients']) == (51_144, 908)
  found = {x['check']: x for x in content['findings']}
  assert 'CP from CNCB' in found['Class and source']['text']
  assert found['Shortcuts past the lungs']['severity'] == 'WARNING'
  sample = [f'--data={real_data / "covidx_ct_sample"}']
  assert command.main(['covidx_ct/3a', *sample, f'--data_dir={tmp_path}']) == 0
  assert '544 slices of 6 patients' in capsys.readouterr().out


@pytest.mark.slow
def test_the_page_can_be_read_with_a_screen_reader(data, tmp_path):
  output = tmp_path / 'audit'
  assert command.main([str(data), f'--output={output}']) == 1
  page = (output / 'audit.html').read_text()
  assert browser.faults(page, tmp_path) == []
