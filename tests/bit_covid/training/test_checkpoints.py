# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Training states, there and back."""

import shutil
import sys
import time

from etils import epath
import jax
import numpy as np
import optax
import pytest

from bit_covid.base import checksums
from bit_covid.base import devices
from bit_covid.base import disk
from bit_covid.base import hosts
from bit_covid.base import progress
from bit_covid.training import checkpoint_files
from bit_covid.training import checkpoints
from bit_covid.training import shared_disk
from bit_covid.training import train_step


def _state(value, width=3):
  params = {'head': {'kernel': np.full((width, 2), value, np.float32)}}
  state = train_step.create_state(params, optax.sgd(0.1, momentum=0.9))
  return state.replace(step=np.int32(value))


def _save(workdir, value):
  with checkpoints.Checkpoints(workdir) as saved:
    state = devices.to_host(devices.replicate(_state(value)))
    saved.save(value, state)


def test_state_comes_back_bit_for_bit(tmp_path):
  workdir = epath.Path(tmp_path)
  _save(workdir, 7)
  with checkpoints.Checkpoints(workdir) as saved:
    restored = saved.restore(_state(0))
  jax.tree.map(np.testing.assert_array_equal, restored, _state(7))
  assert jax.tree.structure(restored) == jax.tree.structure(_state(7))


def test_without_a_checkpoint_the_state_stays(tmp_path):
  with checkpoints.Checkpoints(epath.Path(tmp_path)) as saved:
    restored = saved.restore(_state(0))
  jax.tree.map(np.testing.assert_array_equal, restored, _state(0))


def test_last_two_are_kept_and_the_last_is_restored(tmp_path):
  workdir = epath.Path(tmp_path)
  for step in (1, 2, 3):
    _save(workdir, step)
  kept = {path.name for path in (workdir / 'checkpoints').iterdir()}
  assert kept == {'2', '3'}
  with checkpoints.Checkpoints(workdir) as saved:
    assert saved.restore(_state(0)).step == 3


def test_remains_of_a_save_that_was_cut_short_do_not_count(tmp_path):
  workdir = epath.Path(tmp_path)
  _save(workdir, 1)
  remains = workdir / 'checkpoints' / '2.orbax-checkpoint-tmp'
  remains.mkdir()
  (remains / 'half').write_text('x')
  with checkpoints.Checkpoints(workdir) as saved:
    assert saved.restore(_state(0)).step == 1
  assert not remains.exists()


def test_state_of_another_network_is_refused(tmp_path):
  workdir = epath.Path(tmp_path)
  _save(workdir, 1)
  with (
    checkpoints.Checkpoints(workdir) as saved,
    pytest.raises(ValueError, match='shape'),
  ):
    saved.restore(_state(0, width=4))


@pytest.mark.parametrize(
  ('raised', 'expected', 'text'),
  [
    (KeyError('Composite'), ValueError, 'but of another network or version'),
    (MemoryError('of the host'), MemoryError, 'of the host'),
  ],
)
def test_what_orbax_says_of_itself_is_not_shown(
  tmp_path, monkeypatch, raised, expected, text
):
  _save(epath.Path(tmp_path), 1)

  def restore(*args, **kwargs):
    raise raised

  monkeypatch.setattr(checkpoints.ocp.CheckpointManager, 'restore', restore)
  with (
    checkpoints.Checkpoints(epath.Path(tmp_path)) as saved,
    pytest.raises(expected, match=text) as found,
  ):
    saved.restore(_state(0))
  assert 'Composite' not in str(found.value)


@pytest.mark.parametrize('is_checked', [True, False])
def test_a_save_without_room_is_told_at_once_and_leaves_nothing(
  tmp_path, largest_file, monkeypatch, capfd, caplog, is_checked
):
  workdir = epath.Path(tmp_path)
  # Several, as the errors of those that nobody waits for would be printed.
  numbers = np.random.default_rng(0).normal(size=(20, 10_000))
  params = {str(i): x for i, x in enumerate(numbers.astype(np.float32))}
  state = _state(2).replace(params=params)
  unraisable = []
  monkeypatch.setattr(sys, 'unraisablehook', unraisable.append)
  with checkpoints.Checkpoints(workdir) as saved:
    saved.save(1, state)

  def save():
    with largest_file(50_000), checkpoints.Checkpoints(workdir) as saved:
      saved.save(2, state)
      deadline = time.monotonic() + 20
      while is_checked and time.monotonic() < deadline:
        saved.check()
        time.sleep(0.001)
      reached_end.append(saved)

  reached_end = []
  with pytest.raises(OSError, match='too large') as caught:
    save()
  assert bool(reached_end) != is_checked
  text = disk.problem(caught.value)
  assert text.startswith(f'{workdir / "checkpoints"} is larger than files may')
  # The parameters, and a few more numbers.
  needed = int(text.split('; ')[1].split()[0].replace(',', ''))
  assert 800_000 < needed < 800_200
  assert (*capfd.readouterr(), caplog.text, unraisable) == ('', '', '', [])
  assert [x.name for x in (workdir / 'checkpoints').iterdir()] == ['1']
  with checkpoints.Checkpoints(workdir) as saved:
    restored = saved.restore(state)
    # It is written by the next attempt.
    saved.save(2, state)
  jax.tree.map(np.testing.assert_array_equal, restored, state)
  assert (workdir / 'checkpoints' / '2').exists()


def test_a_disk_that_does_not_answer_is_named(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(progress, '_SLOW_SECONDS', 0.01)
  original = checkpoints.checksums.write

  def write(*arguments):
    time.sleep(0.5)
    original(*arguments)

  monkeypatch.setattr(checkpoints.checksums, 'write', write)
  _save(epath.Path(tmp_path), 1)
  text = f'Still waiting for the disk to write a checkpoint to {tmp_path}/'
  assert text in capsys.readouterr().out


def _flip(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 1
  path.write_bytes(content)


def _cut(path):
  path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path):
  path.write_bytes(b'')


def _remove(path):
  path.unlink()


def _largest_file(folder):
  paths = (path for path in folder.rglob('*') if path.is_file())
  return max(paths, key=lambda path: path.stat().st_size)


def _make_two(folder):
  for step in (1, 2):
    _save(epath.Path(folder), step)
  return folder / 'checkpoints'


@pytest.mark.parametrize('damage', [_flip, _cut, _empty, _remove])
def test_damage_to_any_file_is_found_and_the_file_is_named(tmp_path, damage):
  saved = _make_two(tmp_path / 'run') / '2'
  names = [p.relative_to(saved) for p in saved.rglob('*') if p.is_file()]
  assert len(names) > 5
  for number, name in enumerate(names):
    copied = shutil.copytree(saved, tmp_path / str(number))
    assert checksums.check_folder(epath.Path(copied))
    # A folder without its checksums is one of an earlier version.
    if damage is _remove and name.name == checksums.FILE_NAME:
      continue
    damage(copied / name)
    # Damaged checksums name themselves, or a file that they no longer fit.
    named = ' is ' if name.name == checksums.FILE_NAME else f'^{name} is '
    with pytest.raises(ValueError, match=named):
      checksums.check_folder(epath.Path(copied))


def test_a_list_that_is_cut_at_any_line_is_found(tmp_path):
  path = _make_two(tmp_path) / '2' / checksums.FILE_NAME
  lines = path.read_text().splitlines(keepends=True)
  for count in range(1, len(lines)):
    path.write_text(''.join(lines[:count]))
    with pytest.raises(ValueError, match='is cut off: it lacks'):
      checksums.check_folder(epath.Path(path.parent))


def test_a_process_that_ends_right_after_the_commit_leaves_a_sound_checkpoint(
  tmp_path, monkeypatch
):
  monkeypatch.setattr(checkpoint_files, '_add_others', lambda *x: None)
  folder = _make_two(tmp_path)
  assert checksums.check_folder(epath.Path(folder / '2'))
  with checkpoints.Checkpoints(epath.Path(tmp_path)) as saved:
    assert saved.restore(_state(0)).step == 2
  _flip(_largest_file(folder / '2'))
  with pytest.raises(ValueError, match='is not as it was written'):
    checksums.check_folder(epath.Path(folder / '2'))


@pytest.mark.parametrize('how', ['flipped', 'empty folder'])
def test_a_damaged_checkpoint_is_set_aside_for_the_one_before(
  tmp_path, capsys, how
):
  folder = _make_two(tmp_path)
  if how == 'flipped':
    _flip(_largest_file(folder / '2'))
  else:
    shutil.rmtree(folder / '2')
    (folder / '2').mkdir()
  with checkpoints.Checkpoints(epath.Path(tmp_path)) as saved:
    restored = saved.restore(_state(0))
    (line,) = capsys.readouterr().out.splitlines()
    saved.save(2, _state(2))
  jax.tree.map(np.testing.assert_array_equal, restored, _state(1))
  assert line.startswith('Checkpoint 2 is damaged: ')
  assert 'goes on from checkpoint 1' in line
  assert {x.name for x in folder.iterdir()} == {'1', '2', '2.damaged'}
  with checkpoints.Checkpoints(epath.Path(tmp_path)) as saved:
    assert saved.restore(_state(0)).step == 2


def test_if_none_is_sound_all_stay_as_they_are(tmp_path):
  folder = _make_two(tmp_path)
  for step in '12':
    _flip(_largest_file(folder / step))
  before = {x: x.read_bytes() for x in folder.rglob('*') if x.is_file()}
  with (
    checkpoints.Checkpoints(epath.Path(tmp_path)) as saved,
    pytest.raises(ValueError, match=r'No checkpoint .* 2: .*; 1: .*remove'),
  ):
    saved.restore(_state(0))
  assert before == {x: x.read_bytes() for x in folder.rglob('*') if x.is_file()}


def test_checkpoints_of_earlier_versions_are_said_to_be_unchecked(
  tmp_path, capsys
):
  folder = _make_two(tmp_path)
  for step in '12':
    (folder / step / checksums.FILE_NAME).unlink()
  with checkpoints.Checkpoints(epath.Path(tmp_path)) as saved:
    assert saved.restore(_state(0)).step == 2
  assert 'is not checked' in capsys.readouterr().out
  _cut(_largest_file(folder / '2'))
  with checkpoints.Checkpoints(epath.Path(tmp_path)) as saved:
    assert saved.restore(_state(0)).step == 1
  assert 'Checkpoint 2 is damaged' in capsys.readouterr().out


@pytest.fixture
def other_host(monkeypatch):
  """Lets another host answer what a function makes of this one's text."""

  def answer(change):
    def texts_of_all(own):
      return [own, change(own)]

    monkeypatch.setattr(hosts, 'texts_of_all', texts_of_all)
    monkeypatch.setattr(shared_disk.time, 'sleep', lambda seconds: None)

  return answer


@pytest.mark.parametrize('own', ['none', 'damaged', 'sound'])
def test_hosts_that_see_other_checkpoints_are_refused(
  tmp_path, other_host, own
):
  folder = tmp_path / 'checkpoints'
  if own != 'none':
    _make_two(tmp_path)
  if own == 'damaged':
    for step in '12':
      _flip(_largest_file(folder / step))
  before = sorted(folder.rglob('*'))
  # The other host sees the checkpoint of step 3 alone.
  other_host(lambda text: text.replace('2, 1', '3').replace('none', '3'))
  with (
    checkpoints.Checkpoints(epath.Path(tmp_path)) as saved,
    pytest.raises(ValueError, match=r'holds is .* on host 0 .*, 3 on host 1'),
  ):
    saved.restore(_state(0))
  assert sorted(folder.rglob('*')) in (before, [])


def test_damage_that_one_host_alone_sees_is_refused(tmp_path, other_host):
  folder = _make_two(tmp_path)
  before = sorted(folder.rglob('*'))
  other_host(lambda text: text.replace('"sound"', '"d/0 is cut"'))
  with (
    checkpoints.Checkpoints(epath.Path(tmp_path)) as saved,
    pytest.raises(ValueError, match=r'checkpoint 2 is sound .*, d/0 is cut on'),
  ):
    saved.restore(_state(0))
  assert sorted(folder.rglob('*')) == before
