# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The frame of the trials on what takes no time, and a sample of crashes."""

import os

import numpy as np
import pytest

from tests.trials import __main__ as command
from tests.trials import crash
from tests.trials import days_work
from tests.trials import frame
from tests.trials.frame import attempt
from tests.trials.frame import careless
from tests.trials.frame import workplace


def _right(*, amount=3, seed, scratch):
  (scratch / 'file').write_text(str(seed))
  os.environ['OF_A_TRIAL'] = 'set'
  return [frame.Row(place='here', tries=amount, measured='1 MB')]


def _wrong(*, amount=1, seed, scratch):
  return [
    frame.Row(place='bytes', tries=amount, differences=['model.npz']),
    frame.Row(place='files', tries=amount, strays=['.partial', 'x.lock']),
  ]


def _dies(*, amount=1, seed, scratch):
  raise OSError('no space')


def _tries_nothing(*, amount=1, seed, scratch):
  return [frame.Row(place='there')]


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
  monkeypatch.setattr(command.tempfile, 'tempdir', str(tmp_path))


@pytest.mark.usefixtures('own_folder')
def test_what_is_right_leaves_nothing(capsys, tmp_path):
  assert command.run({'a': _right}, amount=None, seed=0) == 0
  assert capsys.readouterr().out.splitlines() == [
    '| trial | place | tries | differences | strays | measured |',
    '| ----- | ----- | ----- | ----------- | ------ | -------- |',
    '| a     | here  | 3     | 0           | 0      | 1 MB     |',
    '| all   |       | 3     | 0           | 0      |          |',
  ]
  assert not list(tmp_path.iterdir())
  assert 'OF_A_TRIAL' not in os.environ


@pytest.mark.usefixtures('own_folder')
@pytest.mark.parametrize(
  ('trial', 'expected'),
  [
    (_wrong, ['bytes: model.npz', 'files: left behind: .partial']),
    (_dies, ["any: OSError('no space')"]),
    (_tries_nothing, ['there: was not tried']),
  ],
)
def test_what_is_wrong_is_told_and_kept(trial, expected, capsys, tmp_path):
  found = {'a': _right, 'b': trial}
  assert command.run(found, amount=7, seed=0) == 1
  output = capsys.readouterr().out
  assert '| a     | here' in output
  for text in expected:
    assert f'b, {text}' in output
  assert len(list(tmp_path.iterdir())) == 1


def test_a_name_that_is_unknown_is_refused_before_any_runs():
  with pytest.raises(SystemExit, match="no trial 'cash'"):
    command.main(['cash'])


def _kill(function, scratch):
  rows = {}
  scenario = crash.Scenario(1, function, place='any')
  work, random = workplace.Workplace(scratch), np.random.default_rng(0)
  crash.kill_repeatedly(scenario, 10, random, work, rows)
  assert rows['any'].tries == 10
  return rows['any']


def test_what_a_careless_command_leaves_is_found(tmp_path, monkeypatch):
  monkeypatch.setattr(attempt, 'PRELOADED', ())
  row = _kill(careless.write, tmp_path)
  assert 'result has other bytes' in row.differences
  assert any(x.endswith('.partial') for x in row.strays)


def test_a_careful_command_is_found_right(tmp_path, monkeypatch):
  monkeypatch.setattr(attempt, 'PRELOADED', ())
  assert _kill(careless.write_well, tmp_path).is_right


@pytest.mark.parametrize('name', ['memory', 'files', 'threads', 'temporary'])
def test_a_leak_is_found(name):
  def samples(growth):
    flat = days_work.Sample(0, 500.0, 30, 20, 0)
    for done in range(100, 3001, 100):
      # Much grows until it is warm, and something comes and goes.
      value = getattr(flat, name) + growth * done + min(done, 900)
      value += 50 * (done % 300 == 0)
      yield flat._replace(done=done, **{name: value})

  assert days_work.slopes('any', list(samples(0))).is_right
  row = days_work.slopes('any', list(samples(0.02)))
  assert [x.startswith('+2.00') for x in row.differences] == [True]


@pytest.mark.slow
@pytest.mark.parametrize(
  ('name', 'amount', 'seed'),
  [
    ('crash', 3, 0),
    ('downloads', 12, 0),
    ('page_attacks', 48, 1),
    ('page_crash', 2, 0),
  ],
)
def test_a_sample_is_right(name, amount, seed, tmp_path):
  if name.startswith('page'):
    pytest.importorskip('uvicorn', reason='needs the extra app')
  rows = command._load(name)(amount=amount, seed=seed, scratch=tmp_path)
  assert [row for row in rows if not row.is_right] == []
