# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""What stops all studies, and what stops one."""

import contextlib
import errno

import pytest

pytest.importorskip('pyarrow', reason='needs the extra `archive`')
# Below the line that skips these tests, as it imports pyarrow.
from bit_covid.archive import attempt
from bit_covid.archive import score_study
from bit_covid.archive import study as study_lib


@pytest.fixture
def options(tmp_path, save_checkpoint):
  return score_study.Options(
    str(save_checkpoint(tmp_path)), False, 'jax', False, False
  )


@pytest.fixture
def study(tmp_path, chest, write_dicom):
  path = write_dicom(tmp_path / 'Doe.dcm', chest(32))
  return study_lib.Study('id', [str(path)])


def _score(study, options, call=None):
  call = call or score_study.describe(options).call
  return score_study.score(study, options, call=call, with_key=True)


def test_an_error_in_a_scan_is_named_by_its_kind(study, options, monkeypatch):
  def fail(*_, **__):
    raise RuntimeError('Doe')

  monkeypatch.setattr(score_study.score_lib, 'score', fail)
  done = _score(study, options)
  assert done.tables['studies'].to_pylist() == [
    {'files': 1, 'files_used': 1, 'scans': 1, 'error': 'RuntimeError'}
  ]
  assert done.tables['scans']['verdict'].to_pylist() == ['refused']
  assert 'Doe' not in str(done.tables)
  assert done.key[0][3].endswith('Doe.dcm')


def test_a_worker_with_another_network_stops_the_job(study, options):
  call = {**score_study.describe(options).call, 'checkpoint': ['other']}
  with pytest.raises(attempt.StopError, match='another version'):
    _score(study, options, call)


def test_a_disk_that_is_gone_or_full_stops_the_job(study, options, monkeypatch):
  gone = study_lib.Study('id', ['/nowhere/Doe.dcm'])
  with pytest.raises(attempt.StopError, match='are gone'):
    _score(gone, options)

  @contextlib.contextmanager
  def find(*_, **__):
    raise OSError(errno.ENOSPC, 'no room', '/tmp/Doe')
    yield

  monkeypatch.setattr(score_study.scan_scorer, 'find', find)
  with pytest.raises(attempt.StopError, match='disk of a worker is full'):
    _score(study, options)


def test_a_network_that_cannot_be_used_is_told_as_predict_does(options):
  with pytest.raises(attempt.StopError, match='none'):
    score_study.describe(options._replace(checkpoint='none.npz'))
