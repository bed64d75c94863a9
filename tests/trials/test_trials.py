# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""The frame of the trials, on trials that take no time."""

import pytest

from tests.trials import __main__ as command
from tests.trials import frame


def _right(*, amount=3, seed, scratch):
  (scratch / 'file').write_text(str(seed))
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


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
  monkeypatch.setattr(command.tempfile, 'tempdir', str(tmp_path))


def test_what_is_right_leaves_nothing(capsys, tmp_path):
  assert command.run({'a': _right}, amount=None, seed=0) == 0
  assert capsys.readouterr().out.splitlines() == [
    '| trial | place | tries | differences | strays | measured |',
    '| ----- | ----- | ----- | ----------- | ------ | -------- |',
    '| a     | here  | 3     | 0           | 0      | 1 MB     |',
    '| all   |       | 3     | 0           | 0      |          |',
  ]
  assert not list(tmp_path.iterdir())


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
