# Copyright 2026 The bit_covid Authors.
# SPDX-License-Identifier: Apache-2.0
"""Tasks that fail or kill their process, and what is said of them."""

import os
import signal
import urllib.error
import urllib.request

import pytest

for _package in ('cryptography', 'distributed', 'pyarrow'):
  pytest.importorskip(_package, reason='needs the extra `archive`')
# Below the lines that skip these tests, as it imports Dask.
from bit_covid.archive import attempt  # noqa: E402
from bit_covid.archive import cluster  # noqa: E402
from bit_covid.archive import index  # noqa: E402
from bit_covid.archive import study  # noqa: E402
from bit_covid.archive import without_dask  # noqa: E402


def work(number):
  if number == 3:
    raise ValueError('Jane Doe')
  if number == 5:
    os.kill(os.getpid(), signal.SIGKILL)
  if number == 7:
    raise attempt.StopError('The disk is full.')
  return number * 10


@pytest.fixture(scope='module')
def workers():
  with cluster.start(1, dashboard=None) as started:
    yield started


@pytest.mark.parametrize('with_dask', [True, False])
def test_a_task_that_fails_or_kills_its_worker_stops_no_other(
  with_dask, request, capfd
):
  runner = without_dask.Processes()
  if with_dask:
    runner = request.getfixturevalue('workers')
  results = {}
  runner.run(work, range(12), results.__setitem__)
  found = [results[i] for i in range(12)]
  expected = [i * 10 for i in range(12)]
  expected[3] = attempt.Failed('ValueError')
  expected[5] = attempt.Failed('KilledWorker')
  expected[7] = attempt.Failed('StopError', 'The disk is full.')
  assert found == expected
  assert 'Doe' not in ''.join(capfd.readouterr())


def test_a_task_that_says_so_stops_all(workers):
  with pytest.raises(attempt.StopError, match=r'^The disk is full\.$'):
    attempt.all_of(workers, work, [1, 7])


def test_no_page_is_served(workers):
  port = workers.client.run_on_scheduler(
    lambda dask_scheduler: dask_scheduler.services['dashboard'].port
  )
  for page in ('status', 'health', 'metrics', 'json/identity.json'):
    with pytest.raises(urllib.error.HTTPError, match='404'):
      urllib.request.urlopen(f'http://127.0.0.1:{port}/{page}', timeout=9)


def test_a_scheduler_that_is_not_there_is_told():
  with (
    pytest.raises(ValueError, match='no scheduler of Dask answers'),
    cluster.dask.config.set({'distributed.comm.timeouts.connect': '1s'}),
    cluster.connect('tcp://127.0.0.1:9'),
  ):
    pass


def test_what_tasks_are_given_does_not_show_paths():
  entry = index.Entry('/Doe/1.dcm', b'a', None)
  assert 'Doe' not in repr(study.Study('b', [entry.path]))
  assert 'Doe' not in repr(index.Files([entry]))
