# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""metrics.jsonl survives a crash and a resumption."""

from etils import epath
import pytest
from tensorboard.backend.event_processing import event_accumulator

from bit_covid.training import metric_log


@pytest.fixture
def workdir(tmp_path):
  return epath.Path(tmp_path)


def _write(workdir, steps, *, restored_step=0, is_writer=True):
  log = metric_log.MetricLog(
    workdir, restored_step=restored_step, is_writer=is_writer
  )
  for step in steps:
    log.write(step, {'loss': step / 8}, speeds={'steps_per_second': 3.0})


def test_lines_are_measurements_without_speeds(workdir):
  _write(workdir, [10, 20])
  text = (workdir / 'metrics.jsonl').read_text()
  assert text == '{"step": 10, "loss": 1.25}\n{"step": 20, "loss": 2.5}\n'


def test_tensorboard_has_the_speeds_too(workdir):
  _write(workdir, [10])
  events = event_accumulator.EventAccumulator(str(workdir)).Reload()
  assert events.Tags()['scalars'] == ['loss', 'steps_per_second']
  (loss,) = events.Scalars('loss')
  assert (loss.step, loss.value) == (10, 1.25)


def test_resumption_drops_what_came_after_the_checkpoint(workdir):
  _write(workdir, [10, 20, 30])
  _write(workdir, [30, 40], restored_step=20)
  (workdir / 'other').mkdir()
  _write(workdir / 'other', [10, 20, 30, 40])
  resumed = (workdir / 'metrics.jsonl').read_bytes()
  assert resumed == (workdir / 'other' / 'metrics.jsonl').read_bytes()


def test_last_line_cut_short_by_a_crash(workdir):
  _write(workdir, [10, 20])
  path = workdir / 'metrics.jsonl'
  path.write_text(path.read_text() + '{"step": 30, "lo')
  assert [row['step'] for row in metric_log.read(path)] == [10, 20]
  _write(workdir, [30], restored_step=20)
  assert [row['step'] for row in metric_log.read(path)] == [10, 20, 30]


@pytest.mark.parametrize(
  'line', [b'nonsense', b'{"stap": 20}', b'{"step": null}', b'[20]', b'\xff']
)
def test_damage_elsewhere_is_an_error(workdir, line):
  path = workdir / 'metrics.jsonl'
  path.write_bytes(b'{"step": 10}\n' + line + b'\n{"step": 30}\n')
  with pytest.raises(
    ValueError, match=r'metrics\.jsonl:2: the line is damaged'
  ):
    metric_log.read(path)


def test_other_hosts_write_nothing(workdir):
  _write(workdir, [10], is_writer=False)
  assert not list(workdir.iterdir())
