# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
import pytest

from bit_covid.cli import stopped


def test_without_a_checkpoint_it_starts_anew(tmp_path):
  anew = 'Stopped before the first checkpoint: the same command starts anew.'
  assert stopped.text(None) == stopped.text(tmp_path / 'none') == anew
  # One that was not finished, and one that was set aside.
  (tmp_path / 'checkpoints' / '200.orbax-checkpoint-tmp').mkdir(parents=True)
  (tmp_path / 'checkpoints' / '100.damaged').mkdir()
  assert stopped.text(tmp_path) == anew


@pytest.mark.parametrize('folder', ['', 'fold_2'])
def test_it_goes_on_from_a_checkpoint(tmp_path, folder):
  (tmp_path / folder / 'checkpoints' / '900').mkdir(parents=True)
  assert stopped.text(tmp_path) == (
    'Stopped. The same command goes on from the last checkpoint.'
  )
