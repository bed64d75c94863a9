# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The command line: what it shows, refuses, makes, and survives."""

import io
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time

import pandas as pd
from PIL import Image
import pytest

from bit_covid.paper import command
from bit_covid.paper import grid
from bit_covid.paper import session
from bit_covid.training import run_directory

_ROOT = pathlib.Path(command.__file__).parents[2]


@pytest.fixture(autouse=True)
def without_cache(monkeypatch):
  """The tests have a cache of their own."""
  monkeypatch.setattr('bit_covid.base.compilation_cache.enable', lambda: None)


@pytest.fixture(name='trained')
def record_training(monkeypatch):
  """Configs that were trained: nothing is, and no result is left."""
  configs = []

  def train(config, folder):
    configs.append(config)
    tree = config.to_dict()
    del tree['data']['path'], tree['data']['data_dir']
    del tree['data']['image_folder'], tree['data']['metadata']
    pd.Series(tree | {'fingerprints': {}}).to_json(folder / 'config.json')
    run_directory.mark_finished(folder)

  monkeypatch.setattr(session.train, 'train_and_report', train)
  monkeypatch.setattr(session.collect, 'collect', lambda item, *a, **k: [item])
  return configs


def _costs(arguments, capsys):
  """Returns the cells of each row that a dry run prints, by the first cell."""
  assert command.main([*arguments, '--dry_run']) == 0
  rows = {}
  for line in capsys.readouterr().out.splitlines():
    if line.strip():
      name, *cells = re.split(r'\s{2,}', line.strip())
      rows[name] = cells
  return rows


def test_a_dry_run_shows_the_cost_and_runs_nothing(tmp_path, capsys, trained):
  rows = _costs(['table3', 'figure5', f'--workdir={tmp_path}'], capsys)
  assert rows['table3'][:3] == ['5', '50,000', '3,200,000']
  assert rows['figure5'][:3] == ['1', '10,000', '640,000']
  # Figure 5's run is one of Table 3's.
  assert rows['all runs, once'] == rows['not finished'] == rows['table3']
  assert not trained
  assert not list(tmp_path.iterdir())


def test_costs_of_the_document_are_those_of_a_dry_run(tmp_path, capsys):
  text = (_ROOT / 'docs' / 'reproduce.md').read_text('utf-8')
  documented = {
    name: [cell.strip() for cell in cells.split('|')]
    # The item, then five numbers: runs to PFLOP.
    for name, cells in re.findall(
      r'^\| `(.*?)` \|((?:.*?\|){4}.*?)\|', text, re.M
    )
  }
  workdir = f'--workdir={tmp_path}'
  printed = _costs(['all', workdir], capsys)
  printed['all'] = printed['all runs, once']
  sweeps = _costs(['figure6', '--sweeps', workdir], capsys)
  printed['figure6 --sweeps'] = sweeps['all runs, once']
  assert set(documented) == {*grid.ITEMS, 'figure6 --sweeps', 'all'}
  # It needs no runs, and the document leaves its other cells empty.
  assert documented.pop('figure2')[0] == printed['figure2'][0] == '0'
  assert documented == {name: printed[name] for name in documented}


def test_hours_are_those_of_the_speed(tmp_path, capsys):
  arguments = ['table1', f'--workdir={tmp_path}', '--dry_run']
  command.main([*arguments, '--images_per_second=100'])
  slow = re.findall(r'not finished.* ([\d.]+)\s*\n', capsys.readouterr().out)
  command.main([*arguments, '--images_per_second=1000'])
  fast = re.findall(r'not finished.* ([\d.]+)\s*\n', capsys.readouterr().out)
  # 1,920,000 images at 100 a second are 5.3 hours, and the evaluations.
  assert float(slow[0]) == pytest.approx(
    (1_920_000 + (3 * 101 * 25_486 + 3 * 25_658) / 3) / 100 / 3600, abs=0.06
  )
  assert float(slow[0]) == pytest.approx(10 * float(fast[0]), abs=0.6)


def test_commands_are_one_a_run_that_is_left(tmp_path, capsys, trained):
  arguments = ['table1', f'--workdir={tmp_path}', '--scale=demo']
  command.main([*arguments, '--shard=1/3'])
  capsys.readouterr()
  assert len(trained) == 1
  data = tmp_path / 'a folder'
  data.mkdir()
  assert command.main([*arguments, '--commands', f'--data={data}']) == 0
  lines = capsys.readouterr().out.splitlines()
  assert len(lines) == 2
  for line in lines:
    assert f'--config.data.path={data}' in shlex.split(line)


def test_shards_make_all_runs_once(tmp_path, capsys, trained):
  arguments = ['table3', f'--workdir={tmp_path}', '--scale=demo']
  assert command.main([*arguments, '--shard=1/2']) == 1
  assert '2 runs are left' in capsys.readouterr().out
  assert command.main([*arguments, '--shard=2/2']) == 0
  assert 'All runs are finished' in capsys.readouterr().out
  assert len({config.init for config in trained}) == len(trained) == 5


def test_settings_reach_every_run(tmp_path, trained):
  command.main(
    [
      'table1',
      f'--workdir={tmp_path}',
      '--scale=demo',
      '--set=model.dtype=bfloat16',
      '--set',
      'batch=16',
      '--set=schedule=(1, 2)',
      '--seeds=2',
    ]
  )
  assert [config.seed for config in trained] == [0, 1] * 3
  for config in trained:
    assert config.model.dtype == 'bfloat16'
    assert config.batch == 16
    assert config.schedule == (1, 2)


def test_collect_makes_no_run(tmp_path, capsys, trained):
  arguments = ['table1', f'--workdir={tmp_path}', '--scale=demo', '--collect']
  assert command.main(arguments) == 1
  assert not trained
  printed = capsys.readouterr().out
  assert 'table1: table1' in printed
  assert '3 runs are left' in printed


def test_a_caution_stands_before_everything_else(tmp_path, capsys):
  command.main(['table1', f'--workdir={tmp_path}', '--scale=demo', '--dry_run'])
  assert 'not comparable' in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize(
  ('arguments', 'message'),
  [
    (['table4'], 'invalid choice'),
    (['table1', '--seeds=0'], 'expected 1 or more'),
    (['table1', '--shard=3/2'], 'expected 1/8 to 8/8'),
    (['table1', '--set=batch'], 'expected FIELD=VALUE'),
    (['table1', '--covidnet=CT-2=/no/such'], 'expected NAME=FOLDER'),
  ],
)
def test_wrong_arguments_are_refused(tmp_path, capsys, arguments, message):
  with pytest.raises(SystemExit, match='2'):
    command.main([*arguments, f'--workdir={tmp_path}'])
  assert message in capsys.readouterr().err


@pytest.mark.parametrize(
  ('setting', 'message'),
  [
    ('bach=3', 'no field config.bach'),
    ('batch=many', 'many'),
  ],
)
def test_wrong_settings_are_refused_on_one_line(
  tmp_path, capsys, setting, message
):
  arguments = ['table1', f'--workdir={tmp_path}', f'--set={setting}']
  assert command.main(arguments) == 2
  error = capsys.readouterr().err
  assert error.startswith('Error: ')
  assert message in error
  assert error.count('\n') == 1


# All but the two that need many runs, which `test_collect_figures` collects.
_ITEMS = [x for x in grid.ITEMS if x not in ('figure6', 'figure8')]
_COMMAND = [
  sys.executable,
  '-m',
  'bit_covid.paper',
  *_ITEMS,
  '--scale=demo',
  # Few steps: that all runs are made and collected does not depend on what they
  # learn.
  '--set=schedule=(2,4,6,8,10)',
  '--set=report=False',
]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_paper_killed_halfway_and_started_again(tmp_path):
  workdir = tmp_path / 'paper'
  line = [*_COMMAND, f'--workdir={workdir}', f'--set=data.data_dir={tmp_path}']
  environment = os.environ | {
    'JAX_PLATFORMS': 'cpu',
    # Compiling takes most of the time of runs that are so short.
    'JAX_DISABLE_MOST_OPTIMIZATIONS': '1',
  }
  log = tmp_path / 'first.log'
  with log.open('w') as out:
    first = subprocess.Popen(line, cwd=_ROOT, env=environment, stdout=out)
    while not re.search(r'^3 of', log.read_text(), re.MULTILINE):
      assert first.poll() is None
      time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.wait()
  made = {
    path: path.stat().st_mtime_ns
    for path in workdir.glob('runs/*/finished.json')
  }
  assert len(made) >= 2
  again = subprocess.run(
    line, cwd=_ROOT, env=environment, capture_output=True, text=True
  )
  assert again.returncode == 0, again.stderr
  assert 'All runs are finished.' in again.stdout
  # None of those that were finished was made again.
  assert {path: path.stat().st_mtime_ns for path in made} == made
  for path in made:
    assert f': {path.parent.name}' not in again.stdout
  runs = grid.runs(_ITEMS)
  assert {
    path.parent.name for path in workdir.glob('runs/*/finished.json')
  } == {run.name for run in runs}
  for item in _ITEMS:
    table = pd.read_csv(workdir / f'{item}.csv')
    assert len(table)
    text = (workdir / f'{item}.md').read_text()
    assert 'not comparable' in text
    assert 'not run yet' not in text
    with Image.open(
      io.BytesIO((workdir / f'{item}.png').read_bytes())
    ) as image:
      image.load()
      assert min(image.size) > 300
