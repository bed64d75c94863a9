# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
from bit_covid.cli import stopped


def test_without_a_checkpoint_it_starts_anew(tmp_path):
  anew = 'Stopped before the first checkpoint: the same command starts anew.'
  assert stopped.text(tmp_path / 'none') == anew
  # One that was not finished, and one that was set aside.
  (tmp_path / 'checkpoints' / '200.orbax-checkpoint-tmp').mkdir(parents=True)
  (tmp_path / 'checkpoints' / '100.damaged').mkdir()
  assert stopped.text(tmp_path) == anew


def test_it_goes_on_from_the_last_checkpoint(tmp_path):
  for step in (900, 1000):
    (tmp_path / 'checkpoints' / str(step)).mkdir(parents=True)
  assert stopped.text(tmp_path) == (
    'Stopped. The same command goes on from the checkpoint of step 1,000.'
  )
